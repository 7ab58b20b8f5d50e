"""The generated module, which stands beside the native library in ``_generated``."""

try:
    from ._generated.callie import (  # noqa: F401
        AccountError,
        Attachment,
        AttachmentKind,
        Client,
        Config,
        ConnectError,
        Event,
        InternalError,
        ReceiveError,
        RequestError,
        SendError,
        Server,
        Session,
    )
except ModuleNotFoundError as error:
    raise ImportError("callie's native part is missing: run `make bindings` in the checkout") from error

ERRORS = (AccountError, ConnectError, SendError, RequestError, ReceiveError)
