using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.WebUtilities;
using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>
/// Reads which users the query of a URL asks for. Whoever asks by a parameter that is not known, or gives one twice or empty, would not get
/// what he means, so each is an error. Names are compared exactly, as the keys of attributes are.
/// </summary>
internal static partial class UserQueryReader
{
    private const string AttributePrefix = "attributes.";

    private static readonly string[] s_names = ["email", "name", "updatedSince", "sort", "limit", "after", "count"];

    private static readonly string s_limitRule = $"limit must be a whole number from 1 to {UserQuery.MaxLimit}.";

    /// <summary>
    /// The parameters, for their documentation. OpenAPI cannot describe <c>attributes.KEY</c>, but <c>attributes[KEY]</c>, which generated clients send and
    /// which means the same.
    /// </summary>
    public static ParameterDocs[] Parameters { get; } =
    [
        new(ParameterPlace.Query, "limit", "How many users at the most.") { Type = typeof(int), Min = 1, Max = UserQuery.MaxLimit, Default = UserQuery.DefaultLimit },
        new(ParameterPlace.Query, "after", "Only users behind this place: the `next` of the page before. Where the order is by id, an id; otherwise a text not to be taken apart.") { Min = 1, Max = UserPosition.MaxTextLength },
        new(ParameterPlace.Query, "email", "Only users with this e-mail address, in upper or lower case. A `+` is sent as `%2B`.") { Max = EmailAddress.MaxLength, Example = "ana@example.org" },
        new(ParameterPlace.Query, "name", "Only users whose name begins like this, in upper or lower case.") { Max = UserInput.MaxNameLength, Example = "ana" },
        new(ParameterPlace.Query, "attributes", $"Only users with exactly these attributes, at most {UserQuery.MaxAttributes}: `attributes[KEY]=VALUE`, or in short `attributes.KEY=VALUE`.") { Type = typeof(Dictionary<string, string>), Max = UserQuery.MaxAttributes, Example = """{"team":"blue"}""" },
        new(ParameterPlace.Query, "updatedSince", "Only users that were written at this time (RFC 3339) or later.") { Example = "2026-01-31T09:30:00Z" },
        new(ParameterPlace.Query, "sort", "`id`, `name`, `createdAt` or `updatedAt`, with `-` in front for the greatest first. Where it is not sent: `name` for users asked for by `name`, `updatedAt` for users asked for by `updatedSince`, and `id` for all others and for those asked for by `email` or attributes, too.") { Example = "-updatedAt" },
        new(ParameterPlace.Query, "count", "Whether `total` is added.") { Type = typeof(bool) },
    ];

    /// <summary>422, as an example.</summary>
    public static Problem Invalid { get; } = Problem.Invalid("limit", s_limitRule);

    /// <summary>Reads a query.</summary>
    /// <param name="text">The query of the URL.</param>
    /// <returns>What is asked for, the parameters as they were given, and what is wrong with them, by name.</returns>
    public static (UserQuery Query, IReadOnlyList<KeyValuePair<string, string>> Given, Dictionary<string, string[]> Errors) Read(QueryString text)
    {
        var errors = new Dictionary<string, string[]>();
        var given = new List<KeyValuePair<string, string>>();
        var values = new Dictionary<string, string>();
        foreach (var parameter in new QueryStringEnumerable(text.Value))
        {
            var (name, value) = (BracketedAttribute().Replace(parameter.DecodeName().ToString(), $"{AttributePrefix}${{key}}"), parameter.DecodeValue().ToString());
            if (!s_names.Contains(name) && !IsAttribute(name))
            {
                errors[name] = ["There is no such parameter."];
            }
            else if (!values.TryAdd(name, value))
            {
                errors[name] = [$"{name} must be given once."];
            }
            else if (value.Length == 0)
            {
                errors[name] = [$"{name} must not be empty."];
            }
            else
            {
                given.Add(new(name, value));
            }
        }

        return (Read(values, errors), given, errors);
    }

    private static UserQuery Read(Dictionary<string, string> values, Dictionary<string, string[]> errors)
    {
        var attributes = values
            .Where(parameter => IsAttribute(parameter.Key))
            .Select(parameter => KeyValuePair.Create(parameter.Key[AttributePrefix.Length..], parameter.Value))
            .ToList();
        foreach (var (key, value) in attributes.Where(entry => UserInputReader.IsLongerThan(UserInput.MaxAttributeValueLength, entry.Value)))
        {
            Refuse(AttributePrefix + key, $"must have at most {UserInput.MaxAttributeValueLength} characters.");
        }

        if (attributes.Count > UserQuery.MaxAttributes)
        {
            Refuse("attributes", $"must be at most {UserQuery.MaxAttributes} at once.");
        }

        var email = values.GetValueOrDefault("email");
        if (email?.Length > EmailAddress.MaxLength)
        {
            Refuse("email", $"must have at most {EmailAddress.MaxLength} characters.");
        }
        else if (email?.Contains(' ') == true)
        {
            // What a form would have sent for it.
            Refuse("email", "must not have a space. Send + as %2B.");
        }

        var name = values.GetValueOrDefault("name");
        if (name is not null && UserInputReader.IsLongerThan(UserInput.MaxNameLength, name))
        {
            Refuse("name", $"must have at most {UserInput.MaxNameLength} characters.");
        }

        DateTime since = default;
        var hasSince = values.TryGetValue("updatedSince", out var time);
        if (hasSince && !TryReadTime(time!, out since))
        {
            Refuse("updatedSince", "must be a time of RFC 3339, such as 2026-01-31T09:30:00Z. Send + as %2B.");
        }

        var defaultSort =
            email is not null || attributes.Count > 0 ? "id" :
            name is not null ? "name" :
            hasSince ? "updatedAt" :
            "id";
        var sort = values.GetValueOrDefault("sort", defaultSort);
        UserOrder? order = sort.TrimStart('-') switch
        {
            _ when sort.StartsWith("--", StringComparison.Ordinal) => null,
            "id" => UserOrder.Id,
            "name" => UserOrder.Name,
            "createdAt" => UserOrder.CreatedAt,
            "updatedAt" => UserOrder.UpdatedAt,
            _ => null,
        };
        if (order is null)
        {
            Refuse("sort", "must be id, name, createdAt or updatedAt, with - in front for the greatest first.");
        }

        var limit = UserQuery.DefaultLimit;
        if (values.TryGetValue("limit", out var number)
            && !(int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is > 0 and <= UserQuery.MaxLimit))
        {
            errors.TryAdd("limit", [s_limitRule]);
        }

        UserPosition? after = null;
        if (order is not null && values.TryGetValue("after", out var position) && !UserPosition.TryParse(position, order.Value, out after))
        {
            Refuse("after", order == UserOrder.Id ? "must be the id of a user." : "must be the next of a page in the same order.");
        }

        var count = values.GetValueOrDefault("count", "false");
        if (count is not ("true" or "false"))
        {
            Refuse("count", "must be true or false.");
        }

        return new()
        {
            Email = email,
            Name = name,
            Attributes = attributes,
            UpdatedSince = hasSince ? since : null,
            Order = order ?? default,
            IsDescending = sort.StartsWith('-'),
            Limit = limit,
            After = after,
            Count = count == "true",
        };

        // What has been refused for another reason keeps it.
        void Refuse(string parameter, string rule) => errors.TryAdd(parameter, [$"{parameter} {rule}"]);
    }

    private static bool IsAttribute(string name) =>
        name.StartsWith(AttributePrefix, StringComparison.Ordinal) && UserInputReader.IsAttributeKey(name[AttributePrefix.Length..]);

    /// <summary>Reads a time, to the next whole millisecond: no user is written in between.</summary>
    private static bool TryReadTime(string text, out DateTime time)
    {
        time = default;
        var parts = Rfc3339().Match(text);
        var zone = parts.Groups["zone"].Value.Replace("Z", "+00:00", StringComparison.Ordinal);
        if (!parts.Success
            || !DateTimeOffset.TryParseExact(
                parts.Groups["time"].Value + zone, "yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture, default, out var seconds))
        {
            return false;
        }

        var fraction = parts.Groups["fraction"].Value.PadRight(3, '0');
        var milliseconds = int.Parse(fraction[..3], CultureInfo.InvariantCulture) + (fraction[3..].Trim('0').Length > 0 ? 1 : 0);
        time = seconds.UtcDateTime <= DateTime.MaxValue.AddSeconds(-1) ? seconds.UtcDateTime.AddMilliseconds(milliseconds) : DateTime.MaxValue;
        return true;
    }

    [GeneratedRegex(@"^attributes\[(?<key>[^\]]*)\]$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex BracketedAttribute();

    [GeneratedRegex("^(?<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\\.(?<fraction>[0-9]{1,18}))?(?<zone>Z|[+-][0-9]{2}:[0-9]{2})$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Rfc3339();
}
