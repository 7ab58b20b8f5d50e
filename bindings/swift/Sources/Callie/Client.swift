@_exported import CallieNative
