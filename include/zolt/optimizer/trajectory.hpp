#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/estimator/coefficient.hpp"
#include "zolt/optimizer/byte_stream.hpp"
#include "zolt/parameter/parameter.hpp"

namespace zolt::inline v0 {

/// One term as it was applied: the coefficient after every transform, rounded to single precision before it was used. Or a curvature, which
/// no update is made of: a direction absorbs it (see curvature_estimator).
struct logged_term {
  static constexpr std::uint32_t curvature_mark = std::uint32_t{1} << 31;

  std::uint32_t query = 0;  ///< with curvature_mark set, that of a curvature; no run has so many queries
  float coefficient = 0;

  bool is_curvature() const { return (query & curvature_mark) != 0; }
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
  std::uint64_t format = 0;  ///< hash of the format's name, and scale if it has one; of "float32" for dense storage
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

inline void require_stream_version(std::uint32_t version, std::string_view subject) {
  if (version != stream_version)
    fail(subject, "stream version", version, "be " + to_text(stream_version) + ", which this library generates");
}

/// The head of a file, which says what run its log is of.
template <class Log>
void put_run(byte_writer& out, const char (&magic)[8], const Log& log) {
  out.put_bytes(magic, sizeof magic);
  out.put(log.stream);
  out.put(std::uint32_t{log.fast});
  out.put(log.run);
  out.put(log.base);
  out.put(std::uint64_t{log.composition.size()});
  out.put_bytes(log.composition.data(), log.composition.size());
  out.put(std::uint64_t{log.parameters.size()});
  for (const logged_parameter& p : log.parameters) {
    for (const std::uint64_t v : {p.id, p.rows, p.columns, p.format}) out.put(v);
    out.put(p.unit);
  }
}
template <class Log>
void get_run(byte_reader& in, const char (&magic)[8], Log& log) {
  if (std::memcmp(in.take(sizeof magic, "magic").data(), magic, sizeof magic) != 0)
    fail(in.subject(), "magic", "other bytes", "be \"" + std::string(magic, sizeof magic) + "\"");
  log.stream = in.get<std::uint32_t>("stream version");
  require_stream_version(log.stream, in.subject());  // another layout may follow
  log.fast = in.get<std::uint32_t>("fast-math flag") != 0;
  log.run = in.get<std::uint64_t>("run");
  log.base = in.get<std::uint64_t>("base");
  const auto text = in.take(in.get_count("composition length", 1), "composition");
  log.composition.assign(reinterpret_cast<const char*>(text.data()), text.size());
  log.parameters.resize(in.get_count("parameters", 40));
  for (logged_parameter& p : log.parameters) {
    for (std::uint64_t* v : {&p.id, &p.rows, &p.columns, &p.format}) *v = in.get<std::uint64_t>("parameter");
    p.unit = in.get<double>("unit");
  }
}

}  // namespace detail

/// The file format: little endian, no padding, lengths before lists.
inline std::vector<std::byte> to_bytes(const trajectory& t) {
  detail::byte_writer out;
  detail::put_run(out, detail::trajectory_magic, t);
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
  detail::require_stream_version(t.stream, subject);
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
  trajectory t;
  detail::get_run(in, detail::trajectory_magic, t);
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

inline void save(const trajectory& t, const std::string& path) { detail::write_file(path, "trajectory file", to_bytes(t)); }

inline trajectory load_trajectory(const std::string& path) { return trajectory_from(detail::read_file(path, "trajectory file"), path); }

}  // namespace zolt::inline v0
