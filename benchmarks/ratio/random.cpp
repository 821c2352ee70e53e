// Words and small integers from streams: a buffer that stays in the first cache or next to it.
#include "memory.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "zolt/random/distribution.hpp"

namespace ratio {
namespace {

const zolt::random_stream stream({1, 2, 3}, 4, zolt::stream::direction);

template <class Distribution>
void fill_row(suite& s, const std::string& kernel, const working_set& set) {
  if (!s.wants(kernel)) return;
  const buffer<std::int16_t> z(set.bytes / 4);
  const auto n = static_cast<double>(z.size());
  s.time(kernel, set, {2 * n, n, [&] { zolt::distribution::fill<Distribution>(stream, 0, z.all()); }});
}

}  // namespace

void random_rows(suite& s) {
  const working_set set{"64K", 64 << 10, 1};
  const buffer<std::uint32_t> words(set.bytes / 4), others(set.bytes / 4);
  const auto n = static_cast<double>(words.size());
  const auto by = [&](void (*fill)(std::span<std::uint32_t>)) { return contender{4 * n, n, [&others, fill] { fill(others.all()); }}; };
  const std::vector<rival> peers{{"Random123 philox4x32-10", measure::elements, by(peer::random123_words)},
                                 {"std::mt19937", measure::elements, by(peer::standard_words)}};
  if (s.wants("words_threefry"))
    s.compare("words_threefry", set, {4 * n, n, [&] { stream.groups(0, words.size() / zolt::random_stream::group_size, words.data()); }},
              peers);
  if (s.wants("words_philox"))
    s.compare("words_philox", set,
              {4 * n, n,
               [&] {
                 zolt::philox_blocks({0, 0, 0, 0}, {1, 0}, {reinterpret_cast<zolt::random_block*>(words.data()), words.size() / 4});
               }},
              peers);
  const zolt::block_stream blocks({1, 2, 3}, 4, zolt::stream::direction);
  if (s.wants("words_block"))
    s.compare("words_block", set, {4 * n, n, [&] { blocks.groups(0, words.size() / zolt::block_stream::group_size, words.data()); }},
              peers);
  fill_row<zolt::distribution::rademacher>(s, "fill_rademacher", set);
  fill_row<zolt::distribution::gaussian>(s, "fill_gaussian", set);
  fill_row<zolt::distribution::uniform>(s, "fill_uniform", set);
}

}  // namespace ratio
