"""The generated module, which stands beside the native library in ``_generated``."""

try:
    from ._generated.callie import (  # noqa: F401
        AccountError,
        Attachment,
        AttachmentKind,
        CallbackError,
        Client,
        Config,
        ConnectError,
        ConnectionState,
        Ending,
        Event,
        InternalError,
        ReceiveError,
        RequestError,
        SendError,
        SendOptions,
        Server,
        Session,
        Ticket,
        TokenSource,
        Visibility,
    )
except ModuleNotFoundError as error:
    raise ImportError("callie's native part is missing: run `make bindings` in the checkout") from error

ERRORS = (AccountError, ConnectError, SendError, RequestError, ReceiveError)
