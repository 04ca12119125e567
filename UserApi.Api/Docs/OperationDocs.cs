namespace UserApi.Api.Docs;

/// <summary>Where a parameter of an operation is sent.</summary>
internal enum ParameterPlace
{
    Path,
    Query,
    Header,
}

/// <summary>A parameter of an endpoint.</summary>
/// <param name="Place">Where it is sent.</param>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it does, in Markdown.</param>
internal sealed record ParameterDocs(ParameterPlace Place, string Name, string Description)
{
    /// <summary>The type of its value.</summary>
    public Type Type { get; init; } = typeof(string);

    /// <summary>The minimum of a number, or the minimum length of a text.</summary>
    public int? Min { get; init; }

    /// <summary>The maximum of a number, or the maximum length of a text.</summary>
    public int? Max { get; init; }

    /// <summary>The default of the parameter.</summary>
    public int? Default { get; init; }

    /// <summary>A valid value.</summary>
    public string? Example { get; init; }
}

/// <summary>The request body of an endpoint.</summary>
/// <param name="MediaType">Its media type.</param>
/// <param name="Description">Its description, in Markdown.</param>
/// <param name="Example">A valid body; its type is the schema.</param>
internal sealed record BodyDocs(string MediaType, string Description, object Example);

/// <summary>A response of an endpoint.</summary>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Description">When it is sent, in Markdown.</param>
/// <param name="Headers">The headers that it may have, in addition to those of every response.</param>
internal sealed record ResponseDocs(int Status, string Description, IReadOnlyList<HeaderDocs> Headers)
{
    /// <summary>The media type of the body.</summary>
    public string MediaType { get; init; } = "application/json";

    /// <summary>A body, whose type is the schema. Null: the response has no body.</summary>
    public object? Example { get; init; }
}

/// <summary>A header of a response.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it says, in Markdown.</param>
/// <param name="Example">A value.</param>
internal sealed record HeaderDocs(string Name, string Description, string Example);
