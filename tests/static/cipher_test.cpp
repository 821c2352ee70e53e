#include "zolt/random/cipher.hpp"

// Known answers of the authors' reference implementation (Random123, kat_vectors).
namespace zolt {
namespace {

constexpr std::array<std::uint32_t, 4> zeros{};
constexpr std::array<std::uint32_t, 4> ones{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
constexpr std::array<std::uint32_t, 4> digits_of_pi{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};

static_assert(threefry4x32::rounds == 13);
static_assert(threefry4x32::block(zeros, zeros) == random_block{0x531c7e4f, 0x39491ee5, 0x2c855a92, 0x3d6abf9a});
static_assert(threefry4x32::block(ones, ones) == random_block{0xc4189358, 0x1c9cc83a, 0xd5881c67, 0x6a0a89e0});
static_assert(threefry4x32::block(digits_of_pi, {0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89}) ==
              random_block{0x4aa71d8f, 0x734738c2, 0x431fc6a8, 0xae6debf1});

static_assert(philox4x32::rounds == 10);
static_assert(philox4x32::block(zeros, {}) == random_block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox4x32::block(ones, {0xffffffff, 0xffffffff}) == random_block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox4x32::block(digits_of_pi, {0xa4093822, 0x299f31d0}) == random_block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

}  // namespace
}  // namespace zolt
