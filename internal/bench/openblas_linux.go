package bench

// openBLASName is what the loader finds where the system's package is installed.
const openBLASName = "libopenblas.so.0"
