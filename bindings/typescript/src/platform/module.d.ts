/** The WebAssembly module in base64, which the build puts into `callie/inline`. */
declare const base64: string;
export default base64;
