#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "zolt/core/tensor.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/report.hpp"

/// A shape as "128x784".
template <>
struct fmt::formatter<zolt::shape> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::shape& s, Context& context) const {
    return fmt::formatter<std::string>::format(s.text(), context);
  }
};

/// One line for a step: what a trainer prints while it works. Events appear only if they happened.
template <>
struct fmt::formatter<zolt::report> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::report& r, Context& context) const {
    std::string text =
        fmt::format("step {} loss {:.4f} rate {:.3g} density {:.3g} moved {}", r.step, r.loss, r.rate, r.density, r.writes.moved);
    if (r.writes.clamped != 0) text += fmt::format(" clamped {}", r.writes.clamped);
    if (r.lost_queries != 0) text += fmt::format(" lost {}", r.lost_queries);
    if (r.clipped_coefficients != 0) text += fmt::format(" clipped {}", r.clipped_coefficients);
    for (const std::string& name : r.unread) text += fmt::format(" unread:{}", name);
    return fmt::formatter<std::string>::format(text, context);
  }
};

/// One line for a tensor: "layer.0  nf4  128x64  4.50 bits  rmse 0.0921  clipped 0.00 %  zero groups 0/128".
template <>
struct fmt::formatter<zolt::tensor_report> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::tensor_report& r, Context& context) const {
    return fmt::formatter<std::string>::format(
        fmt::format("{}  {}  {}  {:.3f} bits  rmse {:.4f}  clipped {:.2f} %  zero groups {}/{}", r.name, r.method, r.shape,
                    r.bits_per_weight(), r.relative_rmse(), 100 * r.clip_rate(), r.zero_groups, r.groups),
        context);
  }
};

/// A table with a line per tensor and one for all of them.
template <>
struct fmt::formatter<zolt::quantization_report> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::quantization_report& report, Context& context) const {
    std::size_t name_width = 6, method_width = 6;
    for (const zolt::tensor_report& t : report.tensors)
      name_width = std::max(name_width, t.name.size()), method_width = std::max(method_width, t.method.size());
    std::string text = fmt::format("{:<{}}  {:<{}}  {:>10}  {:>6}  {:>7}  {:>7}  {:>13}\n", "tensor", name_width, "method", method_width,
                                   "shape", "bits", "rmse", "clipped", "zero groups");
    const auto add = [&](const zolt::tensor_report& t) {
      text += fmt::format("{:<{}}  {:<{}}  {:>10}  {:>6.3f}  {:>7.4f}  {:>5.2f} %  {:>13}\n", t.name, name_width, t.method, method_width,
                          t.shape.text(), t.bits_per_weight(), t.relative_rmse(), 100 * t.clip_rate(),
                          fmt::format("{}/{}", t.zero_groups, t.groups));
    };
    for (const zolt::tensor_report& t : report.tensors) add(t);
    add(report.total());
    text.pop_back();
    return fmt::formatter<std::string>::format(text, context);
  }
};
