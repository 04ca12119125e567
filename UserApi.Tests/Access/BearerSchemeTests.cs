using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using UserApi.Api.Http;

namespace UserApi.Tests.Access;

public class BearerSchemeTests
{
    [Fact]
    public void The_names_of_the_bearer_scheme_are_those_that_ASP_NET_Core_reads()
    {
        var read = new HashSet<string>();
        var services = new ServiceCollection();
        new AuthenticationBuilder(services).AddJwtBearer();
        services.AddSingleton<IAuthenticationConfigurationProvider>(new RecordedConfiguration("", read));
        using var provider = services.BuildServiceProvider();

        var jwt = new JwtBearerOptions();
        foreach (var configure in provider.GetServices<IConfigureOptions<JwtBearerOptions>>().OfType<IConfigureNamedOptions<JwtBearerOptions>>())
        {
            configure.Configure(JwtBearerDefaults.AuthenticationScheme, jwt);
        }

        Assert.Empty(jwt.TokenValidationParameters.IssuerSigningKeys); // reading them reads their settings
        Assert.Equal(
            typeof(BearerSchemeOptions).GetProperties().Select(property => property.Name).Order(),
            read.Where(key => key.StartsWith("Schemes:Bearer:", StringComparison.Ordinal)).Select(key => key.Split(':')[2]).Distinct().Order());
    }

    /// <summary>A configuration that contains only an issuer and records the keys that are read.</summary>
    private sealed class RecordedConfiguration(string path, HashSet<string> read) : IConfigurationSection, IAuthenticationConfigurationProvider
    {
        public IConfiguration AuthenticationConfiguration => this;

        public string Key => path.Split(':')[^1];

        public string Path => path;

        public string? Value { get; set; }

        public string? this[string key]
        {
            get
            {
                read.Add(Under(key));
                return key == nameof(BearerSchemeOptions.ValidIssuer) ? "issuer" : null;
            }
            set => throw new NotSupportedException();
        }

        public IConfigurationSection GetSection(string key)
        {
            read.Add(Under(key));
            return new RecordedConfiguration(Under(key), read);
        }

        // The scheme needs a child, because the library ignores an empty section. Lists are empty.
        public IEnumerable<IConfigurationSection> GetChildren() => path == "Schemes:Bearer" ? [new RecordedConfiguration(Under("x"), read)] : [];

        public IChangeToken GetReloadToken() => throw new NotSupportedException();

        private string Under(string key) => path.Length == 0 ? key : $"{path}:{key}";
    }
}
