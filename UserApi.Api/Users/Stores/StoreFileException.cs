namespace UserApi.Api.Users.Stores;

/// <summary>The embedded store's file cannot be used and was not changed; the message tells the operator why.</summary>
/// <param name="message">Which file, and why.</param>
/// <param name="innerException">The cause.</param>
internal sealed class StoreFileException(string message, Exception? innerException = null) : Exception(message, innerException);
