//! Harness of the black-box tests: starts real systems and the binary, sees only their outside.
