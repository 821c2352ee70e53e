#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

using random_block = std::array<std::uint32_t, 4>;

/// Threefry4x32 with 13 rounds: additions, rotations and exclusive ors only, so that plain vector code is fast everywhere.
///
/// Word may be std::uint32_t or a register of them: one body serves the constant evaluator, the scalar path and every instruction set. The four
/// words of a block live in registers only if no round is a call.
/// Source   Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; rotations of Skein-256/32; 13 rounds are its
///          recommended Crush-resistant minimum of 12, plus one.
struct threefry4x32 {
  static constexpr int rounds = 13;

 private:
  /// Written out: a loop that is not unrolled keeps the words in memory.
  template <class Word>
  [[gnu::always_inline]] static constexpr void start(Word (&x)[4], const std::uint32_t (&schedule)[5]) {
    x[0] += schedule[0];
    x[1] += schedule[1];
    x[2] += schedule[2];
    x[3] += schedule[3];
  }

  /// One round. Its rotations are constants of the instruction, which a loop over rounds would load into registers.
  template <std::size_t Round, class Word>
  [[gnu::always_inline]] static constexpr void mix(Word (&x)[4], const std::uint32_t (&schedule)[5]) {
    constexpr int rotation[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};
    constexpr int left = rotation[Round % 8][0], right = rotation[Round % 8][1];
    constexpr std::size_t a = Round % 2 == 0 ? 1 : 3, b = Round % 2 == 0 ? 3 : 1;
    x[0] += x[a];
    x[a] = (x[a] << left | x[a] >> (32 - left)) ^ x[0];
    x[2] += x[b];
    x[b] = (x[b] << right | x[b] >> (32 - right)) ^ x[2];
    if constexpr (Round % 4 == 3) {
      constexpr std::uint32_t injection = Round / 4 + 1;
      x[0] += schedule[injection % 5];
      x[1] += schedule[(injection + 1) % 5];
      x[2] += schedule[(injection + 2) % 5];
      x[3] += schedule[(injection + 3) % 5] + injection;
    }
  }

  template <std::size_t Round, class Word, std::size_t N, std::size_t... I>
  [[gnu::always_inline]] static constexpr void mix_each(Word (&x)[N][4], const std::uint32_t (&schedule)[5], std::index_sequence<I...>) {
    (mix<Round>(x[I], schedule), ...);
  }

 public:
  /// Independent blocks, round by round.
  template <class Word, std::size_t N, std::size_t... Round, std::size_t... I>
  [[gnu::always_inline]] static constexpr void encrypt(Word (&x)[N][4], const std::array<std::uint32_t, 4>& key,
                                                       std::index_sequence<Round...>, std::index_sequence<I...> each) {
    const std::uint32_t schedule[5] = {key[0], key[1], key[2], key[3], 0x1BD11BDAu ^ key[0] ^ key[1] ^ key[2] ^ key[3]};
    (start(x[I], schedule), ...);
    (mix_each<Round>(x, schedule, each), ...);
  }
  using all_rounds = std::make_index_sequence<rounds>;

  static constexpr random_block block(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 4>& key) {
    std::uint32_t x[1][4] = {{counter[0], counter[1], counter[2], counter[3]}};
    encrypt(x, key, all_rounds{}, std::index_sequence<0>{});
    return {x[0][0], x[0][1], x[0][2], x[0][3]};
  }
};

/// Philox4x32 with 10 rounds, the generator of PyTorch, JAX-on-GPU and cuRAND: for laws that must match those streams.
/// Source   Salmon et al. 2011.
struct philox4x32 {
  static constexpr int rounds = 10;
  static constexpr std::uint32_t even_factor = 0xD2511F53u, odd_factor = 0xCD9E8D57u;
  static constexpr std::uint32_t first_increment = 0x9E3779B9u, second_increment = 0xBB67AE85u;

  static constexpr random_block block(std::array<std::uint32_t, 4> x, std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < rounds; ++round) {
      const std::uint64_t even = std::uint64_t{even_factor} * x[0];
      const std::uint64_t odd = std::uint64_t{odd_factor} * x[2];
      x = {static_cast<std::uint32_t>(odd >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(odd),
           static_cast<std::uint32_t>(even >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(even)};
      key = {key[0] + first_increment, key[1] + second_increment};
    }
    return x;
  }
};

/// xoshiro128++: no cipher, but a generator with 128 bits of state, which must not all be 0. A word takes half of the operations of Threefry.
/// Source   Blackman & Vigna 2021, "Scrambled linear pseudorandom number generators", xoshiro128++ 1.0.
struct xoshiro128pp {
  template <class Word>
  [[gnu::always_inline]] static constexpr void advance(Word (&s)[4]) {
    const Word shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 11 | s[3] >> 21;
  }
  template <class Word>
  [[gnu::always_inline]] static constexpr void draw(Word (&s)[4], Word& word) {
    const Word sum = s[0] + s[3];
    word = (sum << 7 | sum >> 25) + s[0];
    advance(s);
  }
};

}  // namespace zolt::inline v0
