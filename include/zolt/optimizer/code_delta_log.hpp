#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/optimizer/byte_stream.hpp"
#include "zolt/optimizer/code_change.hpp"
#include "zolt/optimizer/run_description.hpp"
#include "zolt/optimizer/trajectory.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0 {

/// Append-only log of the codes that every write moved: the checkpoint of a run whose steps are no list of keys and scalars. With the base
/// weights it gives the weights bit for bit; with `state` the run goes on as if it had never stopped.
///
///   changed indices as gaps g, Golomb-coded by M = ⌊ln 2 · size / count + 0.15⌋;     moves ±1 as a bit each, the few larger ones by index
///
/// Where weights move at random, each with probability p, gaps are geometric and M is their best divisor or next to it: for p below 10 % a
/// change costs at most 0.04 bits more than the entropy H(p)/p + 1, which is 10.8 bits for p = 0.3 %. The floats of a dense parameter are
/// stored as they are after every write that changed one of them.
///
/// Cost     per write: log₂(size / count) + 2.5 bits per change at random, + 4 at most however they lie; 32 bits per weight of a dense
///          parameter that moved; 1 bit per parameter that did not; whole bytes in all.
/// Source   run-length code: Golomb 1966; its best divisor, ⌈log(2 − p) / −log(1 − p)⌉: Gallager & Van Voorhis 1975; γ code: Elias 1975.
/// Differs  M is an approximation in integers, so that every machine has the same.
struct code_delta_log {
  std::uint32_t stream = stream_version;
  bool fast = fast_math;
  std::uint64_t run = 0;
  std::uint64_t base = 0;   ///< hash of the weights that the run started from
  std::string composition;  ///< every policy by name and field, without rates
  std::vector<logged_parameter> parameters;
  std::vector<std::uint8_t> coded;  ///< of each parameter: 1 if its codes are logged, 0 if its weights are, as floats
  std::uint64_t records = 0;        ///< calls of append
  std::uint32_t steps = 0;          ///< the step behind the last one appended
  std::vector<std::byte> deltas;    ///< the records, each in whole bytes
  std::vector<std::byte> state;     ///< what else the optimizer needs to go on: its own bytes

  /// What a step costs, in the mean over all.
  double bytes_per_step() const { return steps == 0 ? 0.0 : static_cast<double>(deltas.size()) / steps; }
  friend bool operator==(const code_delta_log&, const code_delta_log&) = default;
};

namespace detail {

inline constexpr char code_delta_magic[8] = {'z', 'o', 'l', 't', 'c', 'o', 'd', 'e'};
inline constexpr std::uint64_t largest_logged_size = std::uint64_t{1} << 48;  ///< keeps the divisor of gaps within 64 bits
inline constexpr std::uint64_t largest_logged_move = 255;                     ///< between the ends of eight bits

/// `count` increasing indices below `size`, by the gaps between them: quotient and remainder by a divisor that both sides know.
class gap_code {
 public:
  gap_code(std::uint64_t size, std::uint64_t count)
      : divisor_(std::max<std::uint64_t>(1, (61 * size + 13 * count) / (88 * count))),  // ln 2 = 61/88, 0.15 = 13/88
        digits_(static_cast<int>(std::bit_width(divisor_ - 1))),
        short_((std::uint64_t{1} << digits_) - divisor_),
        end_(size) {}

  void put(bit_writer& out, std::uint64_t index) {
    const std::uint64_t gap = index - next_, rest = gap % divisor_;
    out.put_unary(gap / divisor_);
    if (rest < short_) {
      out.put(rest, digits_ - 1);
    } else if (digits_ > 0) {
      out.put((rest + short_) >> 1, digits_ - 1);
      out.put((rest + short_) & 1, 1);
    }
    next_ = index + 1;
  }
  std::uint64_t get(bit_reader& in) {
    const std::uint64_t left = end_ - next_, quotient = in.get_unary();
    if (quotient > left / divisor_) fail_beyond(in);
    std::uint64_t rest = 0;
    if (digits_ > 0) {
      rest = in.get(digits_ - 1);
      if (rest >= short_) rest = (rest << 1 | in.get(1)) - short_;
    }
    const std::uint64_t gap = quotient * divisor_ + rest;
    if (gap >= left) fail_beyond(in);
    next_ += gap + 1;
    return next_ - 1;
  }

 private:
  [[noreturn]] void fail_beyond(const bit_reader& in) const {
    fail(in.subject(), "index of a change", "beyond the end", "be below " + to_text(end_));
  }

  std::uint64_t divisor_;
  int digits_;           ///< ⌈log₂ divisor⌉
  std::uint64_t short_;  ///< remainders below it need one digit less
  std::uint64_t end_, next_ = 0;
};

/// The changes of one coded parameter: how many, which of them are larger than one code and how large, then all indices and signs.
inline void put_changes(bit_writer& out, std::span<const code_change> changes, std::uint64_t size) {
  const auto magnitude = [](const code_change& c) { return static_cast<std::uint64_t>(c.move < 0 ? -c.move : c.move); };
  out.put_gamma(changes.size() + 1);
  if (changes.empty()) return;
  std::uint64_t large = 0;
  for (const code_change& c : changes) large += magnitude(c) > 1;
  out.put_gamma(large + 1);
  gap_code larger(changes.size(), std::max<std::uint64_t>(1, large)), indices(size, changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (magnitude(changes[i]) > 1) {
      larger.put(out, i);
      out.put_gamma(magnitude(changes[i]) - 1);
    }
  for (const code_change& c : changes) {
    indices.put(out, c.index);
    out.put(c.move < 0, 1);
  }
}

/// Reads them one by one, with two readers, so that no list has the length that a file claims.
class change_reader {
 public:
  change_reader(bit_reader& in, std::size_t parameter, std::uint64_t size)
      : in_(in), parameter_(parameter), left_(in.get_gamma("changes") - 1) {
    if (left_ > size) fail(in.subject(), "changes", left_, "be at most " + to_text(size));
    if (left_ == 0) return;
    const std::uint64_t large = in.get_gamma("large moves") - 1;
    if (large > left_) fail(in.subject(), "large moves", large, "be at most " + to_text(left_));
    indices_ = gap_code(size, left_);
    large_ = {in, gap_code(left_, std::max<std::uint64_t>(1, large)), large};
    large_list skipped = large_;
    while (skipped.next()) {
    }
    in = skipped.in;
    has_large_ = large_.next();
  }
  bool empty() const { return left_ == 0; }
  code_change next() {
    --left_;
    code_change c{parameter_, static_cast<std::size_t>(indices_.get(in_)), 1};
    if (has_large_ && large_.index == position_) {
      c.move = large_.magnitude;
      has_large_ = large_.next();
    }
    if (in_.get(1) != 0) c.move = -c.move;
    ++position_;
    return c;
  }

 private:
  struct large_list {
    bit_reader in{{}, {}};
    gap_code at{0, 1};
    std::uint64_t left = 0, index = 0;
    int magnitude = 0;

    bool next() {
      if (left == 0) return false;
      --left;
      index = at.get(in);
      const std::uint64_t beyond = in.get_gamma("move");
      if (beyond >= largest_logged_move) fail(in.subject(), "move beyond one code", beyond, "be below " + to_text(largest_logged_move));
      magnitude = 1 + static_cast<int>(beyond);
      return true;
    }
  };
  bit_reader& in_;
  std::size_t parameter_;
  std::uint64_t left_, position_ = 0;
  gap_code indices_{0, 1};
  large_list large_;
  bool has_large_ = false;
};

inline void put_floats(bit_writer& out, std::span<const std::byte> floats) {
  for (std::size_t i = 0; i < floats.size(); i += sizeof(float)) {
    std::uint32_t word;
    std::memcpy(&word, floats.data() + i, sizeof word);
    out.put(word, 32);
  }
}
inline void get_floats(bit_reader& in, std::vector<float>& floats, std::uint64_t size) {
  if (size > in.remaining() / 32) fail(in.subject(), "floats", size, "be at most " + to_text(in.remaining() / 32));
  floats.resize(static_cast<std::size_t>(size));
  for (float& f : floats) {
    f = std::bit_cast<float>(static_cast<std::uint32_t>(in.get(32)));
    if (!exact::is_finite(f)) fail(in.subject(), "float", f, "be finite");
  }
}

/// The size of every logged parameter, or an error.
inline std::vector<std::uint64_t> sizes_of(const code_delta_log& log, std::string_view subject) {
  if (log.coded.size() != log.parameters.size())
    fail(subject, "coded flags", log.coded.size(), "be one for each of " + to_text(log.parameters.size()) + " parameters");
  for (const std::uint8_t flag : log.coded)
    if (flag > 1) fail(subject, "coded flag", unsigned{flag}, "be 0 or 1");
  std::vector<std::uint64_t> sizes;
  for (const logged_parameter& p : log.parameters) {
    if (p.columns != 0 && p.rows > largest_logged_size / p.columns)
      fail(subject, "rows of a parameter", p.rows, "be at most " + to_text(largest_logged_size / p.columns));
    sizes.push_back(p.rows * p.columns);
  }
  return sizes;
}

/// Decodes a log: on_changes(step, parameter, changes), which reads all of them, and on_floats(step, parameter, floats), in order. An index
/// is always below the size of its parameter, and floats are finite; an error comes where the bytes say anything else.
template <class OnChanges, class OnFloats>
void decode(const code_delta_log& log, std::string_view subject, OnChanges&& on_changes, OnFloats&& on_floats) {
  const std::vector<std::uint64_t> sizes = sizes_of(log, subject);
  if (log.records > log.deltas.size()) fail(subject, "records", log.records, "be at most " + to_text(log.deltas.size()) + ", a byte each");
  bit_reader in(log.deltas, subject);
  std::vector<float> floats;
  std::uint64_t next_step = 0;
  for (std::uint64_t record = 0; record < log.records; ++record) {
    const std::uint64_t skipped = in.get_gamma("step") - 1;
    if (skipped >= log.steps || next_step + skipped >= log.steps)
      fail(subject, "step of record " + to_text(record), next_step + skipped, "be below " + to_text(log.steps));
    const std::uint64_t step = next_step + skipped;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (log.coded[i] != 0) {
        if (change_reader changes(in, i, sizes[i]); !changes.empty()) on_changes(step, i, changes);
      } else if (in.get(1) != 0) {
        get_floats(in, floats, sizes[i]);
        on_floats(step, i, std::span<const float>(floats));
      }
    in.finish_byte();
    next_step = step + 1;
  }
  if (next_step != log.steps) fail(subject, "steps", log.steps, "be " + to_text(next_step) + ", behind the last record");
  if (in.remaining() != 0) fail(subject, "bytes behind the last record", in.remaining() / 8, "be 0");
}

template <parameter_set Parameters>
code_delta_log log_without_steps(const Parameters& parameters, std::string composition, std::uint64_t run) {
  auto log = empty_log<code_delta_log>(parameters, std::move(composition), run);
  for_each_parameter(parameters, [&log]<class S>(std::size_t, const parameter<S>&) { log.coded.push_back(coded_storage<S>); });
  return log;
}

/// A log without steps. Its composition names every policy, because estimates have to go on as they were.
template <parameter_set Parameters, class Composition>
code_delta_log empty_code_delta_log(const Parameters& parameters, const Composition& policies, std::uint64_t run) {
  std::string text;
  policies.for_each([&text](const auto& policy) { describe(text, policy); });
  return log_without_steps(parameters, std::move(text), run);
}

/// Throws what makes a log one of another run than `here`, an empty log of this one.
inline void require_same_run(const code_delta_log& log, const code_delta_log& here, std::string_view subject) {
  if (log.composition != here.composition) fail(subject, "composition", log.composition, "be " + here.composition);
  if (log.run != here.run) fail(subject, "run", log.run, "be " + to_text(here.run));
}

/// Puts back what weights were unless they are to stay.
template <parameter_set Parameters>
class weights_copy {
 public:
  explicit weights_copy(const Parameters& parameters) : parameters_(parameters) {
    for_each_parameter(parameters, [this](std::size_t, const auto& p) {
      const auto memory = memory_of(p.storage);
      copies_.emplace_back(memory.begin(), memory.end());
    });
  }
  weights_copy(const weights_copy&) = delete;
  weights_copy& operator=(const weights_copy&) = delete;
  ~weights_copy() {
    if (!kept_)
      for_each_parameter(parameters_, [this](std::size_t i, const auto& p) {
        std::copy(copies_[i].begin(), copies_[i].end(), memory_of(p.storage).begin());
      });
  }
  void keep_weights() { kept_ = true; }

 private:
  const Parameters& parameters_;
  std::vector<std::vector<std::byte>> copies_;
  bool kept_ = false;
};

}  // namespace detail

/// Throws what makes a log impossible to decode, whoever made it: another stream version, sizes that nothing has, records that are cut,
/// that name a weight behind the end or a float that is not finite, steps out of order. No weight is needed for it.
inline void check(const code_delta_log& log, std::string_view subject) {
  detail::require_stream_version(log.stream, subject);
  detail::decode(
      log, subject,
      [](std::uint64_t, std::size_t, detail::change_reader& changes) {
        while (!changes.empty()) changes.next();
      },
      [](std::uint64_t, std::size_t, std::span<const float>) {});
}

/// Moves base weights to where a log ends.
///
/// The header is compared first, then the whole log is decoded once without a weight, then it is applied. Whether an ordinal stays in its
/// format is known only then: weights are copied before, and put back by an error.
///
/// Cost     two passes over the log and, meanwhile, a second copy of the weights.
/// Errors   what check says; other weights than the run started from; other tensors; a change that leaves the range of a format or the
///          bounds of a dense parameter. The weights are what they were then.
template <parameter_set Parameters>
void restore(const Parameters& parameters, const code_delta_log& log, std::string_view subject = "code-delta log") {
  detail::require_stream_version(log.stream, subject);
  const code_delta_log here = detail::log_without_steps(parameters, {}, log.run);
  if (log.parameters != here.parameters || log.coded != here.coded)
    fail(subject, "parameters", log.parameters.size(), "be the same tensors: ids, shapes, formats and units in order");
  if (log.base != here.base) fail(subject, "base weights", "other bytes", "be those that the run started from");
  check(log, subject);

  detail::weights_copy before(parameters);
  const auto fail_at = [subject](std::uint64_t step, const std::string& name, std::size_t i, const auto& value, std::string_view bound) {
    fail(subject, "weight " + to_text(i) + " of " + name + " after step " + to_text(step), value, bound);
  };
  detail::decode(
      log, subject,
      [&](std::uint64_t step, std::size_t index, detail::change_reader& changes) {
        parameters.visit(index, [&]<class S>(const parameter<S>& p) {
          if constexpr (coded_storage<S>) {
            using format = typename S::format;
            while (!changes.empty()) {
              const code_change c = changes.next();
              const code now = p.storage.code(c.index);
              if (!format::has_ordinal(now)) fail_at(step, p.name, c.index, unsigned{now}, "have a code with an ordinal");
              const int ordinal = format::ordinal_of(now) + c.move;
              if (ordinal < format::lowest || ordinal > format::highest)
                fail_at(step, p.name, c.index, ordinal, "be from " + to_text(format::lowest) + " to " + to_text(format::highest));
              p.storage.set_code(c.index, format::code_of(ordinal));
            }
          }
        });
      },
      [&](std::uint64_t step, std::size_t index, std::span<const float> floats) {
        parameters.visit(index, [&]<class S>(const parameter<S>& p) {
          if constexpr (dense_storage<S>) {
            for (std::size_t i = 0; i < floats.size(); ++i)
              if (floats[i] < p.lowest || floats[i] > p.highest)
                fail_at(step, p.name, i, floats[i], "be at least " + to_text(p.lowest) + " and at most " + to_text(p.highest));
            std::copy(floats.begin(), floats.end(), p.storage.values().begin());
          } else if constexpr (narrow_storage<S>) {
            const auto format = p.storage.codec();
            for (std::size_t i = 0; i < floats.size(); ++i) {
              const std::uint16_t word = encode_word(format, floats[i], nearest_even{}).word;
              if (format.value_of(word) != floats[i] || floats[i] < p.lowest || floats[i] > p.highest)
                fail_at(step, p.name, i, floats[i],
                        "be a number of " + text_of(format) + ", at least " + to_text(p.lowest) + " and at most " + to_text(p.highest));
              p.storage.words()[i] = word;
            }
          }
        });
      });
  before.keep_weights();
}

/// Writes a log while a run goes on. The weights are where the log ends: base weights for an empty one, restored ones for one that goes on.
class code_delta_recorder {
 public:
  code_delta_recorder() = default;
  template <parameter_set Parameters>
  code_delta_recorder(code_delta_log log, const Parameters& parameters) : log_(std::move(log)), dense_(parameters.size()) {
    const std::vector<std::uint64_t> sizes = detail::sizes_of(log_, "code-delta log");
    if (sizes.size() != parameters.size()) fail("code-delta log", "parameters", sizes.size(), "be " + to_text(parameters.size()));
    for_each_parameter(parameters, [&]<class S>(std::size_t i, const parameter<S>& p) {
      if (sizes[i] != p.size() || (log_.coded[i] != 0) != coded_storage<S>)
        fail("code-delta log", "size of " + p.name, sizes[i], "be " + to_text(p.size()) + ", in the storage that the parameter has");
      if constexpr (!coded_storage<S>) dense_[i] = copy_of(p);
    });
  }

  /// Logs one write: the codes that moved, in increasing order, and the dense parameters that are not what they were.
  /// Errors   a step that is logged already; changes out of order, of no weight, or of no code. The log is what it was then.
  template <parameter_set Parameters>
  void append(std::uint32_t step, std::span<const code_change> changes, const Parameters& parameters) {
    if (step < log_.steps || step == ~std::uint32_t{0}) fail("append", "step", step, "be at least " + to_text(log_.steps));
    detail::bit_writer out;
    out.put_gamma(std::uint64_t{step} - log_.steps + 1);
    std::vector<std::pair<std::size_t, std::vector<std::byte>>> moved;
    std::size_t at = 0;
    for_each_parameter(parameters, [&]<class S>(std::size_t i, const parameter<S>& p) {
      std::size_t end = at;
      for (; end < changes.size() && changes[end].parameter == i; ++end) {
        const code_change& c = changes[end];
        int span = 0;
        if constexpr (coded_storage<S>) span = S::format::highest - S::format::lowest;
        if (c.index >= p.size() || (end > at && c.index <= changes[end - 1].index))
          fail("append", "index of a change of " + p.name, c.index, "be below " + to_text(p.size()) + " and above the one before");
        if (c.move == 0 || c.move > span || c.move < -span)
          fail("append", "move of a change of " + p.name, c.move, "be at most " + to_text(span) + " ordinals up or down, and not 0");
      }
      if constexpr (coded_storage<S>) {
        detail::put_changes(out, changes.subspan(at, end - at), p.size());
      } else {
        const bool changed = !std::ranges::equal(memory_of(p.storage), dense_[i]);
        out.put(changed, 1);
        if (changed) {
          moved.emplace_back(i, copy_of(p));
          std::vector<float> floats(p.size());
          detail::read_weights(p.storage, 0, floats);
          detail::put_floats(out, std::as_bytes(std::span(floats)));
        }
      }
      at = end;
    });
    if (at != changes.size()) fail("append", "parameter of a change", changes[at].parameter, "be one of the set, in increasing order");
    const std::vector<std::byte> record = out.finish();
    log_.deltas.insert(log_.deltas.end(), record.begin(), record.end());
    for (auto& [i, now] : moved) dense_[i] = std::move(now);
    log_.steps = step + 1;
    ++log_.records;
  }

  const code_delta_log& log() const { return log_; }
  /// The log with the bytes that let its run go on.
  code_delta_log with_state(std::vector<std::byte> state) const {
    code_delta_log log = log_;
    log.state = std::move(state);
    return log;
  }
  /// Bytes held: the log, and the last memory of the dense parameters.
  std::size_t bytes() const {
    std::size_t bytes = log_.deltas.capacity() + log_.state.capacity();
    for (const auto& floats : dense_) bytes += floats.capacity();
    return bytes;
  }

 private:
  template <class S>
  static std::vector<std::byte> copy_of(const parameter<S>& p) {
    const auto memory = memory_of(p.storage);
    return {memory.begin(), memory.end()};
  }

  code_delta_log log_;
  std::vector<std::vector<std::byte>> dense_;  ///< of each parameter: its memory as it was logged last; empty for codes
};

/// The file format: as of trajectories, with a hash of all bytes behind them, because a record cannot be told from a damaged one.
inline std::vector<std::byte> to_bytes(const code_delta_log& log) {
  detail::byte_writer out;
  detail::put_run(out, detail::code_delta_magic, log);
  out.put(std::uint64_t{log.coded.size()});
  out.put_bytes(log.coded.data(), log.coded.size());
  out.put(log.records);
  out.put(log.steps);
  for (const std::vector<std::byte>* part : {&log.deltas, &log.state}) {
    out.put(std::uint64_t{part->size()});
    out.put_bytes(part->data(), part->size());
  }
  out.put(hash_of(reinterpret_cast<const char*>(out.bytes_.data()), out.bytes_.size()));
  return std::move(out.bytes_);
}

/// Errors   a wrong magic, another stream version, a truncated, overlong or damaged file, a count that the file cannot hold, what check says.
///          Nothing is applied here: a hostile file costs an error.
inline code_delta_log code_delta_log_from(std::span<const std::byte> bytes, std::string_view subject = "code-delta log") {
  detail::byte_reader in(bytes, subject);
  code_delta_log log;
  detail::get_run(in, detail::code_delta_magic, log);
  const auto flags = in.take(in.get_count("coded flags", 1), "coded flags");
  log.coded.resize(flags.size());
  if (!flags.empty()) std::memcpy(log.coded.data(), flags.data(), flags.size());
  log.records = in.get<std::uint64_t>("records");
  log.steps = in.get<std::uint32_t>("steps");
  for (std::vector<std::byte>* part : {&log.deltas, &log.state}) {
    const auto stored = in.take(in.get_count("length", 1), "records or state");
    part->assign(stored.begin(), stored.end());
  }
  const auto stored_hash = in.get<std::uint64_t>("hash");
  in.finish();
  if (stored_hash != hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size() - sizeof(std::uint64_t)))
    fail(subject, "hash", "another", "be that of the bytes before it: the file is damaged");
  check(log, subject);
  return log;
}

inline void save(const code_delta_log& log, const std::string& path) { detail::write_file(path, "code-delta log file", to_bytes(log)); }

inline code_delta_log load_code_delta_log(const std::string& path) {
  return code_delta_log_from(detail::read_file(path, "code-delta log file"), path);
}

}  // namespace zolt::inline v0
