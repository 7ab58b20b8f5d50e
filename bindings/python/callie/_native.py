"""The generated module, which stands beside the native library in ``_generated``."""

try:
    from ._generated.callie import (  # noqa: F401
        AccountError,
        Attachment,
        AttachmentKind,
        BatchListener,
        CallbackError,
        Client,
        Config,
        ConnectError,
        DirectMessages,
        InternalError,
        LogLevel,
        LogSink,
        PresenceAudience,
        ReceiveError,
        RequestError,
        Role,
        SendError,
        SendOptions,
        Server,
        Session,
        Ticket,
        TokenSource,
        Visibility,
        check_payload,
        check_server_payload,
        set_logger,
        version,
    )
except ModuleNotFoundError as error:
    raise ImportError("callie's native part is missing: run `make bindings` in the checkout") from error

ERRORS = (AccountError, ConnectError, SendError, RequestError, ReceiveError)
