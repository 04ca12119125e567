using System.Collections.Frozen;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Finds the command of a request, makes it fail where a failpoint says so, and puts failures into the server's shape.</summary>
internal sealed class Commands
{
    private static readonly FrozenSet<string> s_genericFields =
    [
        "$db", "lsid", "txnNumber", "$clusterTime", "$readPreference", "readConcern", "writeConcern", "maxTimeMS", "comment",
        "apiVersion", "apiStrict", "apiDeprecationErrors",
    ];

    private readonly FrozenDictionary<string, Command> _commands;
    private readonly FailPoints _failPoints;
    private readonly Topology _topology;
    private readonly RetryableWrites _retryableWrites;

    public Commands(FailPoints failPoints, Topology topology, RetryableWrites retryableWrites, IEnumerable<Command> commands)
    {
        (_failPoints, _topology, _retryableWrites) = (failPoints, topology, retryableWrites);
        _commands = commands.ToFrozenDictionary(command => command.Name);
    }

    /// <returns>The reply; null when a failpoint closes the connection instead.</returns>
    public async ValueTask<BsonDocument?> ExecuteAsync(WireRequest request, string? appName, CancellationToken cancellationToken)
    {
        var failure = _failPoints.EnterFailCommand(request.Name, appName);
        if (failure is null)
        {
            return Execute(request, null);
        }

        if (failure.GetValue("blockConnection", false).ToBoolean())
        {
            var (block, limit) = (failure["blockTimeMS"].ToInt32(), request.Command.GetValue("maxTimeMS", 0).ToInt32());
            var isOverLimit = limit > 0 && limit < block;
            await Task.Delay(isOverLimit ? limit : block, cancellationToken);
            if (isOverLimit)
            {
                return FailureReply(request, new(ErrorCode.MaxTimeMSExpired, "operation exceeded time limit"), failure);
            }
        }

        return failure.GetValue("closeConnection", false).ToBoolean() ? null : Execute(request, failure);
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

    private BsonDocument? Execute(WireRequest request, BsonDocument? failure)
    {
        try
        {
            if (failure is not null && failure.TryGetValue("errorCode", out var code))
            {
                throw new CommandFailure((ErrorCode)code.ToInt32(), "Failing command via 'failCommand' failpoint");
            }

            if (!_commands.TryGetValue(request.Name, out var command))
            {
                throw new CommandFailure(ErrorCode.CommandNotFound, $"no such command: '{request.Name}'");
            }

            Validate(command, request);
            RefuseUnlessPrimary(command, request);
            var reply = command.Kind == CommandKind.Write && request.Command.Contains("txnNumber")
                ? ExecuteOnce(command, request)
                : command.Run(request.Command);

            var error = command.Kind == CommandKind.Write ? failure?.GetValue("writeConcernError", null)?.AsBsonDocument : null;

            return reply is not null && error is not null
                ? WithWriteConcernError(request, reply, error, failure!)
                : reply;
        }
        catch (CommandFailure e)
        {
            return FailureReply(request, e, failure);
        }
        catch (Exception e) when (e is InvalidCastException or KeyNotFoundException or FormatException or OverflowException
            or ArgumentException)
        {
            return FailureReply(request, new CommandFailure(ErrorCode.BadValue, $"{request.Name}: {e.Message}"), failure);
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

    // The remembered reply of a retryable write must not keep the error: a copy carries it.
    private BsonDocument WithWriteConcernError(WireRequest request, BsonDocument reply, BsonDocument error, BsonDocument failure)
    {
        var code = (ErrorCode)error["code"].ToInt32();
        reply = new BsonDocument(reply) { { "writeConcernError", error } };

        return Annotate(reply, request, code, failure);
    }

    private BsonDocument FailureReply(WireRequest request, CommandFailure failure, BsonDocument? failPoint)
    {
        var reply = new BsonDocument
        {
            { "ok", 0.0 },
            { "errmsg", failure.Message },
            { "code", (int)failure.Code },
            { "codeName", failure.Code.Name() },
        };

        return Annotate(reply.AddRange(failure.Details), request, failure.Code, failPoint);
    }

    private BsonDocument Annotate(BsonDocument reply, WireRequest request, ErrorCode code, BsonDocument? failPoint)
    {
        if (code.IsStateChange())
        {
            reply.Add("topologyVersion", _topology.Version);
        }

        if (failPoint is not null && failPoint.TryGetValue("errorLabels", out var labels))
        {
            reply.Add("errorLabels", labels);
        }
        else if (code.IsRetryable() && request.Command.Contains("txnNumber"))
        {
            reply.Add("errorLabels", new BsonArray { "RetryableWriteError" });
        }

        return reply;
    }
}

/// <summary>What a command needs of the server that runs it.</summary>
internal enum CommandKind
{
    /// <summary>Anything, anywhere.</summary>
    Admin,

    /// <summary>The handshake: it may come as OP_QUERY and carries fields of any name.</summary>
    Hello,

    /// <summary>A primary, or a client content with a secondary.</summary>
    Read,

    /// <summary>A primary.</summary>
    Write,
}

/// <summary>One command by name, with the fields it understands beside the generic ones.</summary>
internal sealed record Command(string Name, CommandKind Kind, Func<BsonDocument, BsonDocument> Run, params FrozenSet<string> Fields);
