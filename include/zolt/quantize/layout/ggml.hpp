#pragma once

/// The blocks of ggml, which GGUF files hold.

#include "zolt/quantize/layout/block_view.hpp"
#include "zolt/quantize/layout/ggml_integer.hpp"
#include "zolt/quantize/layout/ggml_k.hpp"
#include "zolt/quantize/layout/ggml_table.hpp"
