#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "zolt/estimator/coefficient.hpp"
#include "zolt/parameter/parameter.hpp"

namespace zolt::inline v0 {

/// One term as it was applied: the coefficient after every transform, rounded to single precision before it was used.
struct logged_term {
  std::uint32_t query = 0;
  float coefficient = 0;
  friend bool operator==(const logged_term&, const logged_term&) = default;
};

/// One step as it was applied: the resolved law, the rate, and how many terms follow in the list.
struct logged_step {
  std::uint32_t step = 0;
  std::uint32_t law = 0;
  float rate = 0;
  std::uint32_t terms = 0;
  friend bool operator==(const logged_step&, const logged_step&) = default;
};

/// A parameter as a trajectory knows it.
struct logged_parameter {
  std::uint64_t id = 0;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t format = 0;  ///< hash of the format's name; of "float32" for dense storage
  double unit = 0;
  friend bool operator==(const logged_parameter&, const logged_parameter&) = default;
};

/// Append-only log of a fine-tune. With the base weights it is the checkpoint: replaying it gives the weights, the moments and the residuals
/// bit for bit, and the statistics at its end continue the run as if it had never stopped.
///
/// Cost     16 bytes per step and 8 per term.
struct trajectory {
  std::uint32_t stream = stream_version;
  bool fast = fast_math;
  std::uint64_t run = 0;
  std::uint64_t base = 0;   ///< hash of the weights that the run started from
  std::string composition;  ///< the policies that replay needs, by name and field
  std::vector<logged_parameter> parameters;
  std::vector<logged_step> steps;
  std::vector<logged_term> terms;
  std::array<coefficient_statistics, 2> statistics{};

  friend bool operator==(const trajectory&, const trajectory&) = default;
};

namespace detail {

inline constexpr char trajectory_magic[8] = {'z', 'o', 'l', 't', 't', 'r', 'a', 'j'};

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

 private:
  std::span<const std::byte> bytes_;
  std::string_view subject_;
};

}  // namespace detail

/// The file format: little endian, no padding, lengths before lists.
inline std::vector<std::byte> to_bytes(const trajectory& t) {
  static_assert(std::endian::native == std::endian::little, "zolt: trajectories are written on little-endian machines only");
  detail::byte_writer out;
  out.put_bytes(detail::trajectory_magic, sizeof detail::trajectory_magic);
  out.put(t.stream);
  out.put(std::uint32_t{t.fast});
  out.put(t.run);
  out.put(t.base);
  out.put(std::uint64_t{t.composition.size()});
  out.put_bytes(t.composition.data(), t.composition.size());
  out.put(std::uint64_t{t.parameters.size()});
  for (const logged_parameter& p : t.parameters) {
    for (const std::uint64_t v : {p.id, p.rows, p.columns, p.format}) out.put(v);
    out.put(p.unit);
  }
  for (const coefficient_statistics& s : t.statistics) out.put(s.mean_square), out.put(s.weight);
  out.put(std::uint64_t{t.steps.size()});
  out.put(std::uint64_t{t.terms.size()});
  for (const logged_step& s : t.steps) out.put(s.step), out.put(s.law), out.put(s.rate), out.put(s.terms);
  for (const logged_term& m : t.terms) out.put(m.query), out.put(m.coefficient);
  return std::move(out.bytes_);
}

/// Throws what makes a trajectory impossible to replay, whoever made it: another stream version, steps out of order, numbers that are not
/// finite, terms that do not add up.
inline void check(const trajectory& t, std::string_view subject) {
  if (t.stream != stream_version)
    fail(subject, "stream version", t.stream, "be " + to_text(stream_version) + ", which this library generates");
  std::uint64_t terms = 0;
  for (const logged_step& s : t.steps) {
    const auto expected = static_cast<std::uint32_t>(&s - t.steps.data());
    if (s.step != expected) fail(subject, "step", s.step, "be " + to_text(expected) + ": steps are logged in order from 0");
    if (!exact::is_finite(s.rate) || s.rate < 0) fail(subject, "rate", s.rate, text_of(bound::non_negative));
    terms += s.terms;
  }
  if (terms != t.terms.size()) fail(subject, "terms", t.terms.size(), "be " + to_text(terms) + ", the sum over the steps");
  for (const logged_term& m : t.terms)
    if (!exact::is_finite(m.coefficient)) fail(subject, "coefficient", m.coefficient, "be finite");
  for (const coefficient_statistics& s : t.statistics)
    if (!exact::is_finite(s.mean_square) || !exact::is_finite(s.weight)) fail(subject, "statistics", s.mean_square, "be finite");
}

/// Errors   a wrong magic, another stream version, a truncated or overlong file, a count that the file cannot hold, numbers that are not
///          finite, terms that do not add up. Nothing is applied here: a hostile file costs an error.
inline trajectory trajectory_from(std::span<const std::byte> bytes, std::string_view subject = "trajectory") {
  detail::byte_reader in(bytes, subject);
  if (std::memcmp(in.take(sizeof detail::trajectory_magic, "magic").data(), detail::trajectory_magic, sizeof detail::trajectory_magic) != 0)
    fail(subject, "magic", "other bytes", "be \"zolttraj\"");
  trajectory t;
  t.stream = in.get<std::uint32_t>("stream version");
  if (t.stream != stream_version) check(t, subject);  // another layout may follow
  t.fast = in.get<std::uint32_t>("fast-math flag") != 0;
  t.run = in.get<std::uint64_t>("run");
  t.base = in.get<std::uint64_t>("base");
  const auto text = in.take(in.get_count("composition length", 1), "composition");
  t.composition.assign(reinterpret_cast<const char*>(text.data()), text.size());
  t.parameters.resize(in.get_count("parameters", 40));
  for (logged_parameter& p : t.parameters) {
    for (std::uint64_t* v : {&p.id, &p.rows, &p.columns, &p.format}) *v = in.get<std::uint64_t>("parameter");
    p.unit = in.get<double>("unit");
  }
  for (coefficient_statistics& s : t.statistics) {
    s.mean_square = in.get<double>("mean square"), s.weight = in.get<double>("weight");
  }
  t.steps.resize(in.get_count("steps", 16));
  t.terms.resize(in.get_count("terms", 8));
  for (logged_step& s : t.steps) {
    s.step = in.get<std::uint32_t>("step"), s.law = in.get<std::uint32_t>("law");
    s.rate = in.get<float>("rate"), s.terms = in.get<std::uint32_t>("terms of a step");
  }
  for (logged_term& m : t.terms) m.query = in.get<std::uint32_t>("query"), m.coefficient = in.get<float>("coefficient");
  in.finish();
  check(t, subject);
  return t;
}

inline void save(const trajectory& t, const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  const std::vector<std::byte> bytes = to_bytes(t);
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()) != 0)
    fail(path, "trajectory file", "not written", "be writable");
}

inline trajectory load_trajectory(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) fail(path, "trajectory file", "not opened", "exist and be readable");
  std::vector<std::byte> bytes;
  std::byte block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file.get())) != 0;) bytes.insert(bytes.end(), block, block + n);
  return trajectory_from(bytes, path);
}

}  // namespace zolt::inline v0
