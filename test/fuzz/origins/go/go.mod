module latchkey.dev/test/fuzz-origin

go 1.26
