#pragma once

#include <cstddef>
#include <string_view>

#include "zolt/core/error.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0::detail {

/// What a layer was given while it was watched: rows of `columns` numbers.
inline void check_inputs(std::string_view subject, tensor_view<const float> inputs, std::size_t columns) {
  if (inputs.columns() != columns) fail(subject, "columns of the inputs", inputs.columns(), "be " + to_text(columns));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!exact::is_finite(inputs.data()[i]))
      fail(subject, "input " + to_text(i) + " (row " + to_text(i / columns) + ")", inputs.data()[i], "be finite");
}

}  // namespace zolt::inline v0::detail
