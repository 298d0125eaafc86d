package bench

// openBLASName is where Homebrew puts the library, which is not in the loader's path.
const openBLASName = "/opt/homebrew/opt/openblas/lib/libopenblas.dylib"
