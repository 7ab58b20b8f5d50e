"""Kotlin and Swift sources are generated from the same library; they are compiled elsewhere."""

import pytest

from conftest import ROOT

CALLS = ["registerAndLogin", "connect", "send", "ping", "createGroup", "nextEvents", "disconnect"]


@pytest.mark.parametrize(
    "source", ["kotlin/dev/callie/ffi/callie.kt", "swift/CallieNative.swift"], ids=["kotlin", "swift"]
)
def test_the_sources_have_every_call(source):
    text = (ROOT / "target/bindings" / source).read_text()
    for call in CALLS:
        assert f"`{call}`" in text or f"{call}(" in text, call


def test_swift_has_its_c_header_and_module_map():
    folder = ROOT / "target/bindings/swift"
    assert (folder / "CallieNativeFFI.h").stat().st_size > 0
    assert "CallieNativeFFI" in (folder / "CallieNativeFFI.modulemap").read_text()
