#include "texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>

namespace language_model {
namespace {

/// Where the characters of a UTF-8 text begin, and its end.
std::vector<std::size_t> characters_of(const std::string& text) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) begins.push_back(i);
  begins.push_back(text.size());
  return begins;
}

}  // namespace

fairy_tales fairy_tales::load(const std::filesystem::path& path, const quantize_report::tokenizer& words) {
  constexpr std::size_t preface = 3000, piece = 420, whole = 1000, trained = 950, judged = 48;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("{}: file = missing must be readable", path.string()));
  std::string all{std::istreambuf_iterator<char>(file), {}};
  for (int line = 0; line < 2; ++line) {  // the last two are about the file
    while (!all.empty() && all.back() == '\n') all.pop_back();
    all.resize(all.rfind('\n') + 1);
  }
  std::erase(all, '\r');
  if (all.size() < preface) throw std::runtime_error(fmt::format("{}: bytes = {} must be at least {}", path.string(), all.size(), preface));
  std::istringstream raw(all.substr(characters_of(all)[preface]));
  std::string text, word;
  while (raw >> word) text += text.empty() ? word : ' ' + word;
  const std::vector<std::size_t> character = characters_of(text);

  std::vector<std::vector<int>> chunks;
  for (std::size_t at = 0; at + piece < character.size() && chunks.size() < whole + judged; at += piece) {
    std::vector<int> tokens = words.encode(text.substr(character[at], character[at + piece] - character[at]));
    if (tokens.size() <= positions) continue;
    tokens.resize(positions + 1);
    chunks.push_back(std::move(tokens));
  }
  if (chunks.size() < whole + judged)
    throw std::runtime_error(fmt::format("{}: chunks = {} must be {}", path.string(), chunks.size(), whole + judged));
  const auto first = chunks.begin();
  return {{first, first + trained}, {first + whole, chunks.end()}};
}

namespace {

void append(batch& b, const std::vector<int>& text) {
  b.tokens.insert(b.tokens.end(), text.begin(), text.end() - 1);
  b.next.insert(b.next.end(), text.begin() + 1, text.end());
}

}  // namespace

batch batch_of(std::span<const std::vector<int>> texts) {
  batch b;
  for (const std::vector<int>& text : texts) append(b, text);
  return b;
}

batch_order::batch_order(std::span<const std::vector<int>> texts, std::size_t sequences, std::uint64_t seed)
    : texts_(texts), sequences_(sequences), order_(texts.size()), words_(zolt::random_stream({.run = seed}, 1, zolt::stream::mask)) {
  if (sequences == 0 || sequences > texts.size())
    throw std::runtime_error(fmt::format("batch_order: sequences = {} must be 1 to {}", sequences, texts.size()));
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  shuffle();
}

void batch_order::shuffle() {
  for (std::size_t last = order_.size() - 1; last > 0; --last) {
    const auto other = static_cast<std::size_t>((std::uint64_t{words_(word_++)} * (last + 1)) >> 32U);
    std::swap(order_[last], order_[other]);
  }
  at_ = 0;
}

batch batch_order::next() {
  if (at_ + sequences_ > order_.size()) shuffle();
  batch b;
  for (const std::size_t last = at_ + sequences_; at_ < last; ++at_) append(b, texts_[order_[at_]]);
  return b;
}

}  // namespace language_model
