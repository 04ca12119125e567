using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// A prepared statement of SQLite's own interface: ADO.NET would make a command, a reader and their checks for every user. Used by one thread at
/// a time. Whoever has stepped it resets it.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt _statement;

    /// <summary>Prepares a statement.</summary>
    /// <exception cref="SqliteException">It is none, or names what is not there.</exception>
    public SqliteStatement(SqliteConnection connection, string sql)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v2(connection.Handle, sql, out _statement));
    }

    /// <summary>Sets a parameter, counted from 1.</summary>
    public SqliteStatement Bind(int parameter, string? text)
    {
        Check(text is null ? raw.sqlite3_bind_null(_statement, parameter) : raw.sqlite3_bind_text(_statement, parameter, text));
        return this;
    }

    /// <inheritdoc cref="Bind(int, string?)"/>
    public SqliteStatement Bind(int parameter, long number)
    {
        Check(raw.sqlite3_bind_int64(_statement, parameter, number));
        return this;
    }

    /// <summary>Sets a parameter to a text in UTF-8.</summary>
    public SqliteStatement BindText(int parameter, ReadOnlySpan<byte> utf8)
    {
        Check(raw.sqlite3_bind_text(_statement, parameter, utf8));
        return this;
    }

    /// <summary>Sets a parameter to bytes.</summary>
    public SqliteStatement BindBlob(int parameter, ReadOnlySpan<byte> bytes)
    {
        // No bytes would be taken for a null.
        Check(bytes.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, parameter, 0) : raw.sqlite3_bind_blob(_statement, parameter, bytes));
        return this;
    }

    /// <summary>Goes to the next row.</summary>
    /// <returns>Whether there is one.</returns>
    public bool Step()
    {
        var code = raw.sqlite3_step(_statement);
        Check(code);
        return code == raw.SQLITE_ROW;
    }

    /// <summary>Ends what <see cref="Step"/> began.</summary>
    public void Reset() => _ = raw.sqlite3_reset(_statement);

    /// <summary>Carries out a statement that has no rows.</summary>
    public void Execute()
    {
        try
        {
            Step();
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>The text in a column of the row, counted from 0; null for a null.</summary>
    public string? Text(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string();

    /// <summary>The number in a column of the row.</summary>
    public long Number(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <summary>The bytes in a column of the row, those of a text in UTF-8; valid until the next step.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(_statement, column);

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    // ROW and DONE are no errors to it.
    private void Check(int code) => SqliteException.ThrowExceptionForRC(code, _connection.Handle);
}
