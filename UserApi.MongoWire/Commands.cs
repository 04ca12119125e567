using System.Collections.Frozen;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Runs the command of a request, applies failpoints, and turns failures into error documents.</summary>
internal sealed class Commands
{
    private static readonly FrozenSet<string> s_genericFields =
    [
        "$db", "lsid", "txnNumber", "$clusterTime", "$readPreference", "readConcern", "writeConcern", "maxTimeMS", "comment",
        "apiVersion", "apiStrict", "apiDeprecationErrors",
    ];

    private readonly FrozenDictionary<string, Command> _commands;
    private readonly MongoWireServerOptions _options;
    private readonly FailPoints _failPoints;
    private readonly Topology _topology;
    private readonly Replication _replication;
    private readonly RetryableWrites _retryableWrites;

    public Commands(
        MongoWireServerOptions options,
        FailPoints failPoints,
        Topology topology,
        Replication replication,
        RetryableWrites retryableWrites,
        IEnumerable<Command> commands)
    {
        (_options, _failPoints, _topology, _replication, _retryableWrites) = (options, failPoints, topology, replication, retryableWrites);
        _commands = commands.ToFrozenDictionary(command => command.Name);
    }

    /// <inheritdoc cref="MongoWireServer.ExecutionTime"/>
    public TimeSpan ExecutionTime { get; set; }

    /// <returns>The reply; null when a failpoint closes the connection instead.</returns>
    public async ValueTask<BsonDocument?> ExecuteAsync(WireRequest request, string? appName, CancellationToken cancellationToken)
    {
        var failure = _failPoints.EnterFailCommand(request.Name, appName);
        if (failure is not null)
        {
            // Runs before maxTimeMS starts to count, as in mongod's service_entry_point_common.cpp.
            if (failure.GetValue("blockConnection", false).ToBoolean())
            {
                await Task.Delay(failure["blockTimeMS"].ToInt32(), cancellationToken);
            }

            if (failure.GetValue("closeConnection", false).ToBoolean())
            {
                return null;
            }
        }

        try
        {
            if (!_commands.TryGetValue(request.Name, out var command))
            {
                throw new CommandFailure(ErrorCode.CommandNotFound, $"no such command: '{request.Name}'");
            }

            return command.Kind is CommandKind.Read or CommandKind.Write
                ? await ExecuteInTimeAsync(command, request, failure, cancellationToken)
                : Execute(command, request, failure);
        }
        catch (CommandFailure e)
        {
            return FailureReply(request, e);
        }
        catch (Exception e) when (e is InvalidCastException or KeyNotFoundException or FormatException or OverflowException
            or ArgumentException)
        {
            return FailureReply(request, new CommandFailure(ErrorCode.BadValue, $"{request.Name}: {e.Message}"));
        }
    }

    private static void Validate(Command command, WireRequest request)
    {
        if (request.IsLegacy && command.Kind != CommandKind.Hello)
        {
            throw new CommandFailure(ErrorCode.UnsupportedOpQueryCommand, $"Unsupported OP_QUERY command: {command.Name}.");
        }

        if (command.Kind == CommandKind.Hello)
        {
            return;
        }

        foreach (var name in request.Command.Names.Skip(1))
        {
            if (!command.Fields.Contains(name) && !s_genericFields.Contains(name))
            {
                throw new CommandFailure(ErrorCode.IDLUnknownField, $"BSON field '{command.Name}.{name}' is an unknown field.");
            }
        }
    }

    private async ValueTask<BsonDocument?> ExecuteInTimeAsync(
        Command command, WireRequest request, BsonDocument? failure, CancellationToken cancellationToken)
    {
        var deadline = new Deadline(request.Command);
        var isOver = deadline.IsSet && deadline.Remaining < ExecutionTime;
        if (ExecutionTime > TimeSpan.Zero)
        {
            await Task.Delay(isOver ? deadline.Remaining : ExecutionTime, cancellationToken);
        }

        if (isOver)
        {
            throw new CommandFailure(ErrorCode.MaxTimeMSExpired, "operation exceeded time limit");
        }

        var reply = Execute(command, request, failure);

        return command.Kind == CommandKind.Write && reply is not null && !_replication.HasMajority
            && await _replication.WaitAsync(request.Command, deadline, cancellationToken) is { } error
                ? WithWriteConcernError(request, reply, error)
                : reply;
    }

    private BsonDocument? Execute(Command command, WireRequest request, BsonDocument? failure)
    {
        if (failure is not null && failure.TryGetValue("errorCode", out var code))
        {
            throw new CommandFailure((ErrorCode)code.ToInt32(), "Failing command via 'failCommand' failpoint");
        }

        Validate(command, request);
        RefuseUnlessPrimary(command, request);
        RefuseTransactionNumber(request);
        var reply = command.Kind == CommandKind.Write && request.Command.Contains("txnNumber")
            ? ExecuteOnce(command, request)
            : command.Run(request.Command);

        return reply is not null && command.Kind == CommandKind.Write
            && failure?.GetValue("writeConcernError", null) is BsonDocument error
                ? WithWriteConcernError(request, reply, error)
                : reply;
    }

    private void RefuseTransactionNumber(WireRequest request)
    {
        // As in mongod's initialize_operation_session_info.cpp, tested by its jstests/noPassthrough/retryable_writes_standalone_api.js.
        var error = _options.RetryableWritesError ?? (_options.ReplicaSet is null ? (int)ErrorCode.IllegalOperation : null);
        if (error is { } code && request.Command.Contains("txnNumber"))
        {
            throw new CommandFailure((ErrorCode)code, (ErrorCode)code == ErrorCode.IllegalOperation
                ? "Transaction numbers are only allowed on a replica set member or mongos"
                : "Retryable writes are not supported");
        }
    }

    private void RefuseUnlessPrimary(Command command, WireRequest request)
    {
        if (_topology.IsPrimary)
        {
            return;
        }

        if (command.Kind == CommandKind.Write)
        {
            throw new CommandFailure(ErrorCode.NotWritablePrimary, "not primary");
        }

        if (command.Kind == CommandKind.Read
            && (!request.Command.TryGetValue("$readPreference", out var preference) || preference["mode"] == "primary"))
        {
            throw new CommandFailure(ErrorCode.NotPrimaryNoSecondaryOk, "not primary and secondaryOk=false");
        }
    }

    private BsonDocument? ExecuteOnce(Command command, WireRequest request)
    {
        BsonDocument? fault = null;
        var reply = _retryableWrites.Once(request.Command["lsid"]["id"], request.Command["txnNumber"].ToInt64(), Apply, out var isReplay);

        return fault is not null && !isReplay && fault.GetValue("closeConnection", true).ToBoolean() ? null : reply;

        BsonDocument Apply()
        {
            fault = _failPoints.Enter(FailPoints.OnPrimaryTransactionalWrite);

            return fault is not null && fault.TryGetValue("failBeforeCommitExceptionCode", out var code)
                ? throw new CommandFailure((ErrorCode)code.ToInt32(), "Failing write for onPrimaryTransactionalWrite failpoint")
                : command.Run(request.Command);
        }
    }

    // Adds the error to a copy, because the stored reply of a retryable write must not contain it.
    private BsonDocument WithWriteConcernError(WireRequest request, BsonDocument reply, BsonDocument error)
    {
        var code = (ErrorCode)error["code"].ToInt32();
        reply = new BsonDocument(reply).Set("writeConcernError", error);

        return Annotate(reply, request, code);
    }

    private BsonDocument FailureReply(WireRequest request, CommandFailure failure)
    {
        var reply = new BsonDocument
        {
            { "ok", 0.0 },
            { "errmsg", failure.Message },
            { "code", (int)failure.Code },
            { "codeName", failure.Code.Name() },
        };

        return Annotate(reply.AddRange(failure.Details), request, failure.Code);
    }

    private BsonDocument Annotate(BsonDocument reply, WireRequest request, ErrorCode code)
    {
        if (code.IsStateChange())
        {
            reply.Add("topologyVersion", _topology.Version);
        }

        if (code.IsRetryable() && request.Command.Contains("txnNumber"))
        {
            reply.Add("errorLabels", new BsonArray { "RetryableWriteError" });
        }

        return reply;
    }
}

/// <summary>What a command requires of the server.</summary>
internal enum CommandKind
{
    /// <summary>Runs on any server.</summary>
    Admin,

    /// <summary>The handshake, which may be sent as OP_QUERY and may have any fields.</summary>
    Hello,

    /// <summary>Needs a primary, unless the client allows reads from secondaries.</summary>
    Read,

    /// <summary>Needs a primary.</summary>
    Write,
}

/// <summary>A command with its name and the fields that it supports besides the generic ones.</summary>
internal sealed record Command(string Name, CommandKind Kind, Func<BsonDocument, BsonDocument> Run, params FrozenSet<string> Fields);
