namespace UserApi.Api.Users.Stores;

/// <summary>The embedded store's file cannot be used; the message says why, for the operator. Nothing was changed.</summary>
/// <param name="message">Which file, and why.</param>
/// <param name="innerException">The cause.</param>
internal sealed class StoreFileException(string message, Exception? innerException = null) : Exception(message, innerException);
