// Weights plus a direction to codes, in one pass, beside the same in two.
#include "limits.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace ratio {

void fused_rows(suite& s) {
  using quantizer = zolt::quantizer<zolt::int8, zolt::per_group<128>, zolt::absmax, zolt::few_bit_stochastic<8>>;
  using signs = zolt::distribution::rademacher;
  const std::string kernel = "perturb_quantize_int8";
  if (!s.wants(kernel)) return;
  for (const working_set& set : s.sets()) {
    if (set.threads != 1) continue;
    const std::size_t count = set.bytes / 5 / columns * columns;
    const buffer<float> w = weights_of(count);
    quantizer::tensor_type codes(shape_of(count));
    const buffer<std::byte> copy(count * 5 / 2);
    zolt::thread_team team(1);
    const zolt::random_stream stream({1, 2, 3}, 4, zolt::stream::direction);
    const zolt::perturbation<signs> by{.direction = stream, .coefficient = 0x1p-12f, .scales = zolt::scales_of_sum::fitted};
    float coefficient = by.coefficient;
    const auto separately = [&] {
      zolt::kernel::add_direction<signs>(stream, 0, coefficient, w.all());
      coefficient = -coefficient;
      quantizer{}.requantize("w", tensor_of(w.all()), codes);
    };
    const auto n = static_cast<double>(count);
    s.compare(kernel, set, {5 * n, n, [&] { quantizer{}.requantize("w", tensor_of(w.all()), by, codes); }},
              {copied(team, std::as_bytes(std::span<const float>(w.all())), copy.all()),
               {"perturb, then quantize", measure::elements, {13 * n, n, separately}}});
  }
}

}  // namespace ratio
