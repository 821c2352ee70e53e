#include "zolt/optimizer/code_delta_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

// The log of codes that moved: what is appended is restored bit for bit, near the entropy, and a hostile file costs an error.

namespace zolt::test {
namespace {

const auto policies = compose(exact_head{}, sgd{.rate = 0.5});

/// Tensors of every kind of code: packed, whole bytes, with two zeros, a codebook; and floats with bounds.
struct small_model {
  quantized_tensor<int4, per_tensor> in_int4{shape{7, 41}};
  quantized_tensor<int8, per_tensor> in_int8{shape{5, 60}};
  quantized_tensor<e4m3fn, per_tensor> in_e4m3{shape{1, 97}};
  quantized_tensor<nf4, per_tensor> in_nf4{shape{3, 50}};
  std::vector<float> floats = std::vector<float>(9, 0.5f), bias = std::vector<float>(3, -1.0f);

  explicit small_model(std::uint64_t seed = 1) {
    draws d(seed);
    const auto fill = [&d](auto& w) {
      using format = typename std::remove_cvref_t<decltype(w)>::format;
      for (std::size_t i = 0; i < w.size(); ++i) {
        const auto any = static_cast<code>(d.below(std::size_t{1} << format::bits));
        w.view().set_code(i, format::has_ordinal(any) ? any : format::code_of(0));
      }
    };
    fill(in_int4), fill(in_int8), fill(in_e4m3), fill(in_nf4);
  }
  auto list() {
    return parameters(parameter("int4", in_int4), parameter("floats", floats, {.unit = 0.1, .lowest = -4, .highest = 4}),
                      parameter("int8", in_int8), parameter("e4m3", in_e4m3), parameter("nf4", in_nf4),
                      parameter("bias", bias, {.unit = 0.1}));
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all;
    for_each_parameter(list(), [&all](std::size_t, const auto& p) {
      const auto memory = memory_of(p.storage);
      all.insert(all.end(), memory.begin(), memory.end());
    });
    return all;
  }
};

/// Moves codes with a probability each, and floats too if asked for; what moved, in order.
template <class Parameters>
code_changes move_some(const Parameters& p, draws& d, double probability, std::size_t largest, bool floats) {
  code_changes changes;
  for_each_parameter(p, [&]<class S>(std::size_t k, const parameter<S>& one) {
    if constexpr (coded_storage<S>) {
      using format = typename S::format;
      for (std::size_t i = 0; i < one.size(); ++i) {
        if (d.fraction() > probability) continue;
        const int ordinal = format::ordinal_of(one.storage.code(i)), length = 1 + static_cast<int>(d.below(largest));
        const int target = std::clamp(ordinal + (d.below(2) == 0 ? length : -length), format::lowest, format::highest);
        if (target == ordinal) continue;
        one.storage.set_code(i, format::code_of(target));
        changes.push_back({k, i, target - ordinal});
      }
    } else if (floats) {
      one.storage.values()[d.below(one.size())] += d.real(-0.01, 0.01);
    }
  });
  return changes;
}

template <class Parameters>
code_delta_recorder recorder_of(const Parameters& p) {
  return {detail::empty_code_delta_log(p, policies, 7), p};
}

/// Steps of all densities and lengths, some empty and some left out.
code_delta_log recorded(small_model& m) {
  code_delta_recorder recorder = recorder_of(m.list());
  draws d(3);
  for (std::uint32_t step = 0; step < 20; step += step % 7 == 5 ? 3 : 1) {
    const double density = step % 4 == 0 ? 0.0 : step % 4 == 1 ? 0.01 : step % 4 == 2 ? 0.3 : 1.0;
    recorder.append(step, move_some(m.list(), d, density, step % 5 == 0 ? 300 : 1 + step % 3, step % 3 == 0), m.list());
  }
  return recorder.with_state({std::byte{1}, std::byte{2}, std::byte{3}});
}
code_delta_log recorded() {
  small_model m;
  return recorded(m);
}

TEST(code_delta_log, restores_what_was_appended_bit_for_bit) {
  small_model trained, fresh;
  const code_delta_log log = recorded(trained);
  EXPECT_NE(trained.bytes(), fresh.bytes());
  EXPECT_LT(log.records, log.steps) << "some steps are left out";
  restore(fresh.list(), log);
  EXPECT_EQ(fresh.bytes(), trained.bytes());
}

TEST(code_delta_log, is_read_as_it_was_written) {
  const code_delta_log log = recorded();
  EXPECT_EQ(code_delta_log_from(to_bytes(log)), log);
  EXPECT_EQ(code_delta_log_from(to_bytes(code_delta_log{})), code_delta_log{});
  EXPECT_EQ(log.composition.substr(0, 48), "exact_head sgd stochastic constant factored_rms:");
  EXPECT_TRUE(contains(log.composition, " batches_per_write:count=1"));
  EXPECT_FALSE(contains(log.composition, "rate"));
  EXPECT_EQ(log.coded, (std::vector<std::uint8_t>{1, 0, 1, 1, 1, 0}));

  const std::string path = testing::TempDir() + "zolt_code_delta_log_test.bin";
  save(log, path);
  EXPECT_EQ(load_code_delta_log(path), log);
  std::remove(path.c_str());
  EXPECT_TRUE(contains(message_of([] { load_code_delta_log("/no/such/file"); }), "/no/such/file: code-delta log file"));
  EXPECT_TRUE(contains(message_of([] { save(code_delta_log{}, "/no/such/folder/file"); }), "/no/such/folder/file: code-delta log file"));
}

TEST(code_delta_log, has_these_bits) {
  quantized_tensor<int4, per_tensor> w{shape{1, 40}};
  const auto p = parameters(parameter("w", w));
  code_delta_recorder recorder = recorder_of(p);
  recorder.append(0, code_changes{{0, 3, 1}, {0, 10, -2}}, p);
  // 0: this step. 101: 2 changes. 100: 1 large. 10 0: it is change 1, one beyond 1. Divisor 14, two short remainders:
  // 0 010 1 0: gap 3, up. 0 001 0 1: gap 6, down.
  EXPECT_EQ(recorder.log().deltas, (std::vector<std::byte>{std::byte{0b10011010}, std::byte{0b01010000}, std::byte{0b00101000}}));
}

TEST(code_delta_log, a_log_without_changes_is_a_byte_per_step) {
  small_model m, fresh;
  code_delta_recorder recorder = recorder_of(m.list());
  restore(m.list(), recorder.log());
  EXPECT_EQ(recorder.log().bytes_per_step(), 0);
  for (std::uint32_t step = 0; step < 5; ++step) recorder.append(step, {}, m.list());
  EXPECT_EQ(recorder.log().deltas.size(), 5u);
  EXPECT_EQ(recorder.log().bytes_per_step(), 1);
  EXPECT_EQ(recorder.log().steps, 5u);
  restore(m.list(), recorder.log());
  EXPECT_EQ(m.bytes(), fresh.bytes());
}

TEST(code_delta_log, every_move_that_a_format_has_is_restored) {
  quantized_tensor<int8, per_tensor> w{shape{1, 300}};
  const auto p = parameters(parameter("w", w));
  for (std::size_t i = 0; i < w.size(); ++i) w.view().set_code(i, int8::code_of(int8::lowest));
  code_delta_recorder recorder = recorder_of(p);
  code_changes up, down;
  for (int move = 1; move <= int8::highest - int8::lowest; ++move) {
    up.push_back({0, static_cast<std::size_t>(move), move});
    down.push_back({0, static_cast<std::size_t>(move), -move});
  }
  recorder.append(0, up, p);
  code_delta_log log = recorder.log();
  restore(p, log);
  for (int move = 1; move <= int8::highest - int8::lowest; ++move)
    ASSERT_EQ(int8::ordinal_of(w.view().code(static_cast<std::size_t>(move))), int8::lowest + move);
  for (std::size_t i = 0; i < w.size(); ++i) w.view().set_code(i, int8::code_of(int8::lowest));
  recorder.append(1, down, p);
  restore(p, recorder.log());
  for (std::size_t i = 0; i < w.size(); ++i) ASSERT_EQ(int8::ordinal_of(w.view().code(i)), int8::lowest);
}

/// Bits per change of one step where each weight moves with a probability, and the entropy of that.
struct cost {
  double bits, entropy;
};
cost cost_of(double probability, std::size_t count, std::uint64_t seed) {
  draws d(seed);
  code_changes changes;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    next += static_cast<std::size_t>(std::log(d.fraction()) / std::log1p(-probability));  // geometric: the gap before the next
    changes.push_back({0, next++, d.below(2) == 0 ? 1 : -1});
  }
  quantized_tensor<int8, per_tensor> w{shape{1, next}};
  const auto p = parameters(parameter("w", w));
  code_delta_recorder recorder = recorder_of(p);
  recorder.append(0, changes, p);
  const double rate = static_cast<double>(count) / static_cast<double>(next);
  return {8 * static_cast<double>(recorder.log().deltas.size()) / static_cast<double>(count),
          1 - std::log2(rate) - (1 - rate) / rate * std::log2(1 - rate)};
}

TEST(code_delta_log, costs_what_the_entropy_says) {
  constexpr std::size_t count = 4000;
  // Of the code, of the header of a record, and four standard errors of the mean length of a gap's code, whose deviation is below 1.5 bits.
  const double other = 50.0 / count + 4 * 1.5 / std::sqrt(count);
  for (const double probability : {0.001, 0.002, 0.003, 0.0042, 0.01, 0.05, 0.2, 0.35, 0.5}) {
    const cost c = cost_of(probability, count, 11);
    EXPECT_LT(c.bits, c.entropy + (probability < 0.1 ? 0.04 : 0.09) + other) << probability;
    EXPECT_GT(c.bits, c.entropy - other) << probability;
  }
  EXPECT_LT(cost_of(0.003, count, 12).bits, 11);
}

TEST(code_delta_log, clusters_cost_no_more_than_four_bits_beyond_the_logarithm_of_the_gap) {
  constexpr std::size_t size = 1 << 16;
  quantized_tensor<int8, per_tensor> w{shape{1, size}};
  const auto p = parameters(parameter("w", w));
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{200}, std::size_t{5000}, size}) {
    code_changes first, last, spread;
    for (std::size_t i = 0; i < count; ++i) {
      first.push_back({0, i, 1});
      last.push_back({0, size - count + i, -1});
      spread.push_back({0, (i + 1) * (size / count) - 1, 1});
    }
    for (const code_changes* changes : {&first, &last, &spread}) {
      code_delta_recorder recorder = recorder_of(p);
      recorder.append(0, *changes, p);
      const double bits = 8 * static_cast<double>(recorder.log().deltas.size()) / static_cast<double>(count);
      EXPECT_LT(bits, std::log2(static_cast<double>(size / count)) + 4 + 50 / static_cast<double>(count)) << count;
    }
  }
}

TEST(code_delta_log, a_few_large_moves_do_not_make_the_others_dearer) {
  constexpr std::size_t size = 1 << 16, count = 2000;
  quantized_tensor<int8, per_tensor> w{shape{1, size}};
  const auto p = parameters(parameter("w", w));
  const auto bytes_with = [&p](std::size_t large) {
    code_changes changes;
    for (std::size_t i = 0; i < count; ++i) changes.push_back({0, i * 31, i < large ? 2 : 1});
    code_delta_recorder recorder = recorder_of(p);
    recorder.append(0, changes, p);
    return recorder.log().deltas.size();
  };
  EXPECT_LT(8 * (bytes_with(10) - bytes_with(0)), 10 * 15u);
}

TEST(code_delta_log, floats_are_stored_only_after_they_moved) {
  small_model m;
  code_delta_recorder recorder = recorder_of(m.list());
  const auto size_of_step = [&](std::uint32_t step) {
    const std::size_t before = recorder.log().deltas.size();
    recorder.append(step, {}, m.list());
    return recorder.log().deltas.size() - before;
  };
  EXPECT_EQ(size_of_step(0), 1u);
  m.bias[1] = 3;
  EXPECT_EQ(size_of_step(1), 1 + 4 * m.bias.size());
  EXPECT_EQ(size_of_step(2), 1u);
  m.floats[0] = 0.0f, m.bias[1] = -0.0f;
  EXPECT_EQ(size_of_step(3), 1 + 4 * (m.bias.size() + m.floats.size()));
  m.floats[0] = -0.0f;  // another byte, though no other number
  EXPECT_EQ(size_of_step(4), 1 + 4 * m.floats.size());

  small_model fresh;
  restore(fresh.list(), recorder.log());
  EXPECT_EQ(fresh.bytes(), m.bytes());
}

TEST(code_delta_log, a_run_that_was_restored_goes_on_as_if_it_had_never_stopped) {
  const auto steps = [](small_model& m, code_delta_recorder& recorder, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t step = first; step < last; ++step) {
      draws d(step);
      recorder.append(step, move_some(m.list(), d, 0.2, 2, true), m.list());
    }
  };
  small_model whole, before, after;
  code_delta_recorder at_once = recorder_of(whole.list()), first_half = recorder_of(before.list());
  steps(whole, at_once, 0, 10);
  steps(before, first_half, 0, 5);

  const code_delta_log log = code_delta_log_from(to_bytes(first_half.log()));
  restore(after.list(), log);
  code_delta_recorder second_half(log, after.list());
  steps(after, second_half, 5, 10);
  EXPECT_EQ(after.bytes(), whole.bytes());
  EXPECT_EQ(second_half.log(), at_once.log());
}

TEST(code_delta_log, refuses_to_log_what_no_write_does) {
  small_model m;
  code_delta_recorder recorder = recorder_of(m.list());
  recorder.append(4, {}, m.list());
  const code_delta_log before = recorder.log();
  m.bias[0] = 2;
  const auto said = [&](std::uint32_t step, const code_changes& changes) {
    return message_of([&] { recorder.append(step, changes, m.list()); });
  };
  EXPECT_TRUE(contains(said(4, {}), "append: step = 4 must be at least 5"));
  EXPECT_TRUE(contains(said(5, {{0, 287, 1}}), "append: index of a change of int4 = 287 must be below 287"));
  EXPECT_TRUE(contains(said(5, {{0, 5, 1}, {0, 5, 1}}), "index of a change of int4 = 5 must"));
  EXPECT_TRUE(contains(said(5, {{0, 5, 1}, {0, 4, 1}}), "index of a change of int4 = 4 must"));
  EXPECT_TRUE(contains(said(5, {{0, 5, 0}}), "move of a change of int4 = 0 must"));
  EXPECT_TRUE(contains(said(5, {{0, 5, -16}}), "move of a change of int4 = -16 must"));
  EXPECT_TRUE(contains(said(5, {{1, 0, 1}}), "move of a change of floats = 1 must"));
  EXPECT_TRUE(contains(said(5, {{6, 0, 1}}), "parameter of a change = 6 must"));
  EXPECT_TRUE(contains(said(5, {{2, 0, 1}, {0, 0, 1}}), "parameter of a change = 0 must"));
  EXPECT_EQ(recorder.log(), before);
  recorder.append(5, {}, m.list());
  EXPECT_EQ(recorder.log().deltas.size(), before.deltas.size() + 1 + 4 * m.bias.size()) << "floats of a refused step are logged later";

  quantized_tensor<int4, per_tensor> other{shape{1, 8}};
  EXPECT_THROW(code_delta_recorder(before, parameters(parameter("int4", other))), error);
}

TEST(code_delta_log, says_what_is_wrong_and_touches_nothing) {
  const code_delta_log good = recorded();
  const auto said = [&good](auto change) {
    small_model m;
    code_delta_log log = good;
    change(log, m);
    const auto before = m.bytes();
    const std::string message = message_of([&] { restore(m.list(), log, "run.zolt"); });
    EXPECT_EQ(m.bytes(), before) << message;
    return message;
  };
  using log_t = code_delta_log&;
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { ++l.stream; }), "run.zolt: stream version = 2 must be 1"));
  EXPECT_TRUE(contains(said([](log_t, small_model& m) { m = small_model(2); }), "run.zolt: base weights = other bytes"));
  EXPECT_TRUE(contains(said([](log_t, small_model& m) { m.bias[0] = 1; }), "run.zolt: base weights = other bytes"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { ++l.parameters[2].id; }), "run.zolt: parameters = 6 must"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.parameters.pop_back(); }), "run.zolt: parameters = 5 must"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.coded[1] = 1; }), "run.zolt: parameters = 6 must"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { ++l.steps; }), "run.zolt: steps = 21 must be 20"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.steps = 3; }), "run.zolt: step of record 3 = 3 must be below 3"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.deltas.push_back(std::byte{}); }), "bytes behind the last record = 1 must be 0"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.deltas.pop_back(); }), "bits left"));
  EXPECT_TRUE(contains(said([](log_t l, small_model&) { l.records = 1000000; }), "run.zolt: records = 1000000 must"));

  const auto read = [&good](auto change) {
    code_delta_log log = good;
    change(log);
    return message_of([&] { code_delta_log_from(to_bytes(log), "run.zolt"); });
  };
  EXPECT_TRUE(contains(read([](log_t l) { ++l.stream; }), "run.zolt: stream version = 2 must be 1"));
  EXPECT_TRUE(contains(read([](log_t l) { l.coded.pop_back(); }), "coded flags = 5 must be one for each of 6"));
  EXPECT_TRUE(contains(read([](log_t l) { l.coded[0] = 2; }), "coded flag = 2 must be 0 or 1"));
  EXPECT_TRUE(contains(read([](log_t l) { l.parameters[0].rows = ~std::uint64_t{0}; }), "rows of a parameter"));
  EXPECT_TRUE(contains(message_of([] { trajectory_from(to_bytes(recorded())); }), "magic"));
  EXPECT_TRUE(contains(message_of([] { code_delta_log_from(to_bytes(trajectory{})); }), "magic"));

  small_model m;
  const code_delta_log here = detail::empty_code_delta_log(m.list(), policies, 7);
  detail::require_same_run(recorded(), here, "resume");
  const auto another = detail::empty_code_delta_log(m.list(), compose(exact_head{}, sgd{}, nearest{}), 7);
  EXPECT_TRUE(
      contains(message_of([&] { detail::require_same_run(another, here, "resume"); }), "resume: composition = exact_head sgd nearest"));
  EXPECT_EQ(detail::empty_code_delta_log(m.list(), compose(exact_head{}, sgd{.rate = 9}), 7), here) << "the rate may change";
}

TEST(code_delta_log, records_that_no_recorder_writes_are_errors) {
  quantized_tensor<int8, per_tensor> w{shape{1, 40}};
  const auto p = parameters(parameter("w", w));
  const auto said = [&p](auto write) {
    detail::bit_writer out;
    out.put_gamma(1);  // this step
    write(out);
    out.put(0, 64);  // whatever follows
    code_delta_log log = recorder_of(p).log();
    log.records = log.steps = 1;
    log.deltas = out.finish();
    return message_of([&] { restore(p, log); });
  };
  using out_t = detail::bit_writer&;
  EXPECT_TRUE(contains(said([](out_t out) { out.put_gamma(42); }), "changes = 41 must be at most 40"));
  EXPECT_TRUE(contains(said([](out_t out) { out.put_gamma((std::uint64_t{1} << 61) + 1); }), "changes = 2305843009213693952 must"));
  EXPECT_TRUE(contains(said([](out_t out) { out.put_gamma(3), out.put_gamma(4); }), "large moves = 3 must be at most 2"));
  const auto with_index = [&](std::uint64_t index) {
    return said([index](out_t out) {
      out.put_gamma(2), out.put_gamma(1);
      detail::gap_code(40, 1).put(out, index);
    });
  };
  EXPECT_TRUE(contains(with_index(39), "bytes behind the last record"));
  EXPECT_TRUE(contains(with_index(40), "index of a change = beyond the end must be below 40"));
  EXPECT_TRUE(contains(with_index(100), "index of a change = beyond the end must be below 40"));
  const auto with_move = [&](std::uint64_t magnitude) {
    return said([magnitude](out_t out) {
      out.put_gamma(2), out.put_gamma(2);
      detail::gap_code(1, 1).put(out, 0);
      out.put_gamma(magnitude - 1);
    });
  };
  EXPECT_TRUE(contains(with_move(255), "bytes behind the last record"));
  EXPECT_TRUE(contains(with_move(256), "move beyond one code = 255 must be below 255"));
}

TEST(code_delta_log, weights_that_would_leave_their_range_stay_where_they_were) {
  const auto refused = [](auto append_what_cannot_be) {
    small_model m, fresh;
    code_delta_recorder recorder = recorder_of(m.list());
    draws d(5);
    recorder.append(0, move_some(m.list(), d, 0.5, 3, true), m.list());
    append_what_cannot_be(recorder, m);
    const auto before = fresh.bytes();
    const std::string message = message_of([&] { restore(fresh.list(), recorder.log(), "run.zolt"); });
    EXPECT_EQ(fresh.bytes(), before) << message;
    return message;
  };
  EXPECT_TRUE(contains(refused([](code_delta_recorder& r, small_model& m) {
                         const int up = 1 + int4::highest - int4::ordinal_of(m.in_int4.view().code(8));
                         r.append(1, code_changes{{0, 8, up}}, m.list());
                       }),
                       "run.zolt: weight 8 of int4 after step 1 = 8 must be from -7 to 7"));
  EXPECT_TRUE(contains(refused([](code_delta_recorder& r, small_model& m) {
                         m.floats[2] = 4.5f;
                         r.append(9, {}, m.list());
                       }),
                       "weight 2 of floats after step 9 = 4.5 must be at least -4 and at most 4"));
  EXPECT_TRUE(contains(refused([](code_delta_recorder& r, small_model& m) {
                         m.bias[2] = std::numeric_limits<float>::quiet_NaN();
                         r.append(1, {}, m.list());
                       }),
                       "run.zolt: float = nan must be finite"));
}

TEST(code_delta_log, every_cut_or_damaged_file_is_an_error) {
  const auto good = to_bytes(recorded());
  for (std::size_t length = 0; length < good.size(); length += length < 400 ? 1 : 7)
    ASSERT_THROW(code_delta_log_from(std::span(good).first(length)), error) << length << " of " << good.size() << " bytes";
  auto bytes = good;
  for (std::size_t i = 0; i < good.size(); i += i < 400 ? 1 : 7) {
    bytes[i] ^= std::byte{1} << i % 8;
    ASSERT_THROW(code_delta_log_from(bytes), error) << i;
    bytes[i] = good[i];
  }
  bytes.push_back(std::byte{0});
  EXPECT_THROW(code_delta_log_from(bytes), error);
}

/// Reads and restores; an error of the library is an answer that changes nothing, and so are weights in range.
void expect_an_answer(const std::vector<std::byte>& file, std::size_t& accepted, std::size_t& refused) {
  static const small_model base;
  small_model m = base;
  const auto before = m.bytes();
  try {
    restore(m.list(), code_delta_log_from(file));
    ++accepted;
  } catch (const error&) {
    ++refused;
    ASSERT_EQ(m.bytes(), before);
  }
  for_each_parameter(m.list(), []<class S>(std::size_t, const parameter<S>& p) {
    for (std::size_t i = 0; i < p.size(); ++i)
      if constexpr (coded_storage<S>)
        ASSERT_TRUE(S::format::has_ordinal(p.storage.code(i)));
      else
        ASSERT_TRUE(exact::is_finite(p.storage.values()[i]) && p.storage.values()[i] >= p.lowest && p.storage.values()[i] <= p.highest);
  });
}

TEST(code_delta_log, hostile_files_with_a_right_hash_are_read_or_refused) {
  small_model m;
  code_delta_recorder recorder = recorder_of(m.list());
  draws d(17);
  for (std::uint32_t step = 0; step < 3; ++step) recorder.append(step, move_some(m.list(), d, 0.1, 3, step == 1), m.list());
  const auto good = to_bytes(recorder.with_state({std::byte{9}}));
  const std::size_t deltas_end = good.size() - 8 - 1 - 8, deltas_begin = deltas_end - recorder.log().deltas.size();
  const auto hash = [](std::vector<std::byte>& bytes) {
    const std::uint64_t h = hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size() - sizeof h);
    std::memcpy(bytes.data() + bytes.size() - sizeof h, &h, sizeof h);
  };
  std::size_t accepted = 0, refused = 0;
  for (std::size_t i = 0; i < 8 * good.size(); i += 13) {  // single bits, everywhere
    auto bytes = good;
    bytes[i / 8] ^= std::byte{1} << i % 8;
    hash(bytes);
    expect_an_answer(bytes, accepted, refused);
  }
  for (int trial = 0; trial < 400; ++trial) {  // runs of bytes, half of them in the records
    auto bytes = good;
    const std::size_t first = trial % 2 == 0 ? d.below(good.size() - 8) : d.between(deltas_begin, deltas_end - 1);
    const std::size_t count = 1 + d.below(12);
    for (std::size_t i = first; i < std::min(good.size(), first + count); ++i)
      bytes[i] = d.below(3) == 0 ? std::byte{0xff} : static_cast<std::byte>(d.word());
    hash(bytes);
    expect_an_answer(bytes, accepted, refused);
  }
  EXPECT_GT(accepted, 20u);
  EXPECT_GT(refused, 300u);

  std::size_t noise_accepted = 0, noise_refused = 0;
  for (int trial = 0; trial < 150; ++trial) {  // records that are noise altogether
    code_delta_log log = recorder.log();
    for (std::byte& b : log.deltas) b = static_cast<std::byte>(trial % 3 == 0 ? 0xff : d.word() & d.word());
    log.deltas.resize(d.below(log.deltas.size()));
    log.records = 1 + d.below(4), log.steps = static_cast<std::uint32_t>(d.below(6));
    expect_an_answer(to_bytes(log), noise_accepted, noise_refused);
  }
  EXPECT_EQ(noise_accepted + noise_refused, 150u);
}

TEST(bit_stream, numbers_of_all_lengths_are_read_as_they_were_written) {
  detail::bit_writer out;
  draws d(23);
  std::vector<std::uint64_t> numbers;
  for (int digits = 0; digits < 64; ++digits)
    for (int more = 0; more < 3; ++more)
      numbers.push_back((std::uint64_t{1} << digits) + (d.long_word() & ((std::uint64_t{1} << digits) - 1)));
  numbers.push_back(~std::uint64_t{0});
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    out.put_gamma(numbers[i]);
    out.put_unary(i * 3);
    out.put(numbers[i], 64);
    out.put(i & 7, 3);
  }
  const auto bytes = out.finish();
  detail::bit_reader in(bytes, "bits");
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(in.get_gamma("number"), numbers[i]);
    ASSERT_EQ(in.get_unary(), i * 3);
    ASSERT_EQ(in.get(64), numbers[i]);
    ASSERT_EQ(in.get(3), i & 7);
  }
  in.finish_byte();
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_THROW(in.get(1), error);
  EXPECT_THROW(in.get_unary(), error);
}

TEST(gap_code, every_set_of_few_indices_is_read_as_it_was_written) {
  for (std::uint64_t size = 1; size <= 9; ++size)
    for (std::uint64_t set = 1; set < std::uint64_t{1} << size; ++set) {
      const auto count = static_cast<std::uint64_t>(std::popcount(set));
      detail::bit_writer out;
      detail::gap_code writing(size, count), reading(size, count);
      for (std::uint64_t i = 0; i < size; ++i)
        if (set >> i & 1) writing.put(out, i);
      const auto bytes = out.finish();
      detail::bit_reader in(bytes, "gaps");
      for (std::uint64_t i = 0; i < size; ++i)
        if (set >> i & 1) {
          ASSERT_EQ(reading.get(in), i) << size << " " << set;
        }
    }
}

}  // namespace
}  // namespace zolt::test
