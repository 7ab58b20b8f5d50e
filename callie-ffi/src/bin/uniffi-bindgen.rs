//! Writes the sources of a binding from the built library: `uniffi-bindgen generate -l python -o DIR target/debug/libcallie.so`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
