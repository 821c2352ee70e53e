#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "zolt/core/error.hpp"

/// Files as bytes and bits. Little endian, no padding.
namespace zolt::inline v0::detail {

static_assert(std::endian::native == std::endian::little, "zolt: files are written on little-endian machines only");

class byte_writer {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);
    put_bytes(&value, sizeof value);
  }
  void put_bytes(const void* from, std::size_t count) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + count);
  }
  std::vector<std::byte> bytes_;
};

class byte_reader {
 public:
  byte_reader(std::span<const std::byte> bytes, std::string_view subject) : bytes_(bytes), subject_(subject) {}

  template <class T>
  T get(std::string_view field) {
    T value;
    std::memcpy(&value, take(sizeof value, field).data(), sizeof value);
    return value;
  }
  std::span<const std::byte> take(std::uint64_t count, std::string_view field) {
    if (count > bytes_.size()) fail(subject_, field, bytes_.size(), "leave at least " + to_text(count) + " bytes of the file to read");
    const auto taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(count));
    return taken;
  }
  /// A count of items that the rest of the file can hold.
  std::size_t get_count(std::string_view field, std::size_t item_size) {
    const auto count = get<std::uint64_t>(field);
    if (count > bytes_.size() / item_size)
      fail(subject_, field, count, "be at most " + to_text(bytes_.size() / item_size) + ", which the file can hold");
    return static_cast<std::size_t>(count);
  }
  void finish() const {
    if (!bytes_.empty()) fail(subject_, "bytes after the end", bytes_.size(), "be 0");
  }
  std::string_view subject() const { return subject_; }

 private:
  std::span<const std::byte> bytes_;
  std::string_view subject_;
};

/// Bits behind one another in bytes, from the lowest bit of each byte up.
class bit_writer {
 public:
  /// The low `count` bits of the value, at most 64; the others are 0.
  void put(std::uint64_t value, int count) {
    for (; count > 32; count -= 32, value >>= 32) put_few(value & 0xffffffff, 32);
    put_few(value, count);
  }
  /// n ones and a zero.
  void put_unary(std::uint64_t n) {
    for (; n >= 32; n -= 32) put_few(0xffffffff, 32);
    put_few((std::uint64_t{1} << n) - 1, static_cast<int>(n) + 1);
  }
  /// n ≥ 1 in 2⌊log₂ n⌋ + 1 bits: Elias' γ code.
  void put_gamma(std::uint64_t n) {
    const int digits = static_cast<int>(std::bit_width(n)) - 1;
    put_unary(static_cast<std::uint64_t>(digits));
    put(n - (std::uint64_t{1} << digits), digits);
  }
  /// Fills the last byte with zeros.
  std::vector<std::byte> finish() {
    if (filled_ != 0) put_few(0, 8 - filled_);
    return std::move(bytes_);
  }

 private:
  void put_few(std::uint64_t value, int count) {
    waiting_ |= value << filled_;
    for (filled_ += count; filled_ >= 8; filled_ -= 8, waiting_ >>= 8) bytes_.push_back(static_cast<std::byte>(waiting_ & 0xff));
  }
  std::vector<std::byte> bytes_;
  std::uint64_t waiting_ = 0;
  int filled_ = 0;
};

/// Reads what a bit_writer wrote; the end of the bytes is an error.
class bit_reader {
 public:
  bit_reader(std::span<const std::byte> bytes, std::string_view subject) : bytes_(bytes), subject_(subject) {}

  std::uint64_t remaining() const { return std::uint64_t{8} * bytes_.size() - at_; }
  std::uint64_t get(int count) {
    std::uint64_t value = 0;
    int got = 0;
    for (; count - got > 32; got += 32) value |= get_few(32) << got;
    return got == count ? value : value | get_few(count - got) << got;
  }
  std::uint64_t get_unary() {
    for (std::uint64_t ones = 0;;) {
      if (remaining() == 0) fail_at_end(1);
      const std::uint64_t valid = std::min<std::uint64_t>(64 - at_ % 8, remaining());
      const auto here = static_cast<std::uint64_t>(std::countr_one(ahead()));  // zeros lie behind the valid bits
      if (here < valid) {
        at_ += here + 1;
        return ones + here;
      }
      ones += valid;
      at_ += valid;
    }
  }
  std::uint64_t get_gamma(std::string_view field) {
    const std::uint64_t digits = get_unary();
    if (digits > 63) fail(subject_, field, digits, "have at most 63 binary digits");
    return get(static_cast<int>(digits)) + (std::uint64_t{1} << digits);
  }
  /// Zeros to the end of the byte.
  void finish_byte() {
    if (at_ % 8 != 0 && get(static_cast<int>(8 - at_ % 8)) != 0) fail(subject_, "bits at the end of a record", "not 0", "be 0");
  }
  std::string_view subject() const { return subject_; }

 private:
  std::uint64_t ahead() const {
    std::uint64_t word = 0;
    const auto byte = static_cast<std::size_t>(at_ / 8);
    std::memcpy(&word, bytes_.data() + byte, std::min<std::size_t>(sizeof word, bytes_.size() - byte));
    return word >> at_ % 8;
  }
  std::uint64_t get_few(int count) {
    const auto bits = static_cast<std::uint64_t>(count);
    if (bits == 0) return 0;
    if (bits > remaining()) fail_at_end(bits);
    const std::uint64_t value = ahead() & ((std::uint64_t{1} << bits) - 1);
    at_ += bits;
    return value;
  }
  [[noreturn]] void fail_at_end(std::uint64_t bits) const { fail(subject_, "bits left", remaining(), "be at least " + to_text(bits)); }

  std::span<const std::byte> bytes_;
  std::string_view subject_;
  std::uint64_t at_ = 0;  ///< in bits
};

using file_handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

inline void write_file(const std::string& path, std::string_view kind, std::span<const std::byte> bytes) {
  const file_handle file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()) != 0)
    fail(path, kind, "not written", "be writable");
}

inline std::vector<std::byte> read_file(const std::string& path, std::string_view kind) {
  const file_handle file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) fail(path, kind, "not opened", "exist and be readable");
  std::vector<std::byte> bytes;
  std::byte block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file.get())) != 0;) bytes.insert(bytes.end(), block, block + n);
  return bytes;
}

}  // namespace zolt::inline v0::detail
