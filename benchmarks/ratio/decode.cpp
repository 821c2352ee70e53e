// Codes to floats.
#include "limits.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

namespace ratio {
namespace {

template <class Format, std::size_t Group>
void rows_of(suite& s, const std::string& kernel) {
  if (!s.wants(kernel)) return;
  constexpr double bytes_per_weight = sizeof(float) + Format::bits / 8.0 + sizeof(float) / static_cast<double>(Group);
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const std::size_t count = static_cast<std::size_t>(static_cast<double>(set.bytes) / bytes_per_weight) / columns * columns;
    const coded_weights<Format, Group> codes(count);
    const buffer<float> w(count);
    const auto view = codes.view();
    const auto n = static_cast<double>(count);
    const auto run = [&] {
      on_parts(team, count, [&](std::size_t, std::size_t first, std::size_t part) { view.decode(first, w.part(first, part)); });
    };
    const buffer<std::byte> copy(static_cast<std::size_t>(n * bytes_per_weight / 2));
    std::vector<rival> rivals{copied(team, std::as_bytes(std::span<const float>(w.all())), copy.all())};
    const buffer<std::int8_t> plain_codes(std::same_as<Format, zolt::int8> ? count : 0);
    const buffer<float> plain_scales = weights_of(plain_codes.size() / peer::eigen_group);
    if (plain_codes.size() != 0 && set.threads == 1)
      rivals.push_back(
          {"Eigen cast", measure::elements, {5 * n, n, [&] { peer::eigen_decode(plain_codes.all(), plain_scales.all(), w.all()); }}});
    s.compare(kernel, set, {n * bytes_per_weight, n, run}, rivals);
  }
}

}  // namespace

void decode_rows(suite& s) {
  rows_of<zolt::int8, 128>(s, "dequantize_int8");
  rows_of<zolt::int4, 32>(s, "dequantize_int4");
  rows_of<zolt::e4m3fn, 128>(s, "dequantize_e4m3fn");
}

}  // namespace ratio
