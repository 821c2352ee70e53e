#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

// The file of a fine-tune: what is written is read, and what is not a trajectory is an error and nothing else.

namespace zolt::test {
namespace {

struct small_model {
  quantized_tensor<int4, per_tensor> codes{shape{1, 40}};
  std::vector<float> floats = std::vector<float>(9, 0.5f);
  auto list() { return parameters(parameter("codes", codes), parameter("floats", floats, {.unit = 0.1})); }
};

trajectory recorded() {
  small_model m;
  optimizer opt{m.list(), two_point{.queries = 2}, sgd{.rate = 0.5}, options{.run = 0x123456789abcdef0}};
  for (int step = 0; step < 3; ++step) {
    opt.ask();
    opt.tell(std::vector<double>{1, 0.5 + step, 2, 3});
  }
  return opt.recorded();
}

TEST(trajectory, is_read_as_it_was_written) {
  const trajectory t = recorded();
  EXPECT_EQ(t.steps.size(), 3u);
  EXPECT_EQ(t.terms.size(), 6u);
  EXPECT_GT(t.statistics[0].mean_square, 0);
  EXPECT_EQ(trajectory_from(to_bytes(t)), t);
  EXPECT_EQ(trajectory_from(to_bytes(trajectory{})), trajectory{});

  const std::string path = testing::TempDir() + "zolt_trajectory_test.bin";
  save(t, path);
  EXPECT_EQ(load_trajectory(path), t);
  std::remove(path.c_str());
}

TEST(trajectory, costs_sixteen_bytes_per_step_and_eight_per_term) {
  trajectory t = recorded();
  const std::size_t before = to_bytes(t).size();
  t.steps.push_back({3, 0, 0.5f, 2});
  t.terms.insert(t.terms.end(), {{0, 1.0f}, {1, -1.0f}});
  EXPECT_EQ(to_bytes(t).size(), before + 16 + 2 * 8);
}

TEST(trajectory, a_path_that_cannot_be_used_is_an_error_that_names_it) {
  EXPECT_TRUE(contains(message_of([] { load_trajectory("/no/such/file.bin"); }), "/no/such/file.bin: trajectory file"));
  EXPECT_TRUE(contains(message_of([] { save(trajectory{}, "/no/such/folder/file.bin"); }), "/no/such/folder/file.bin: trajectory file"));
}

TEST(trajectory, every_cut_file_is_an_error) {
  const auto bytes = to_bytes(recorded());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(trajectory_from(std::span(bytes).first(length)), error) << length << " of " << bytes.size() << " bytes";
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_TRUE(contains(message_of([&] { trajectory_from(longer); }), "bytes after the end = 1 must be 0"));
}

/// Loads, and replays what loads; an error of the library is an answer, anything else is not.
void expect_an_answer(std::span<const std::byte> bytes, std::size_t& accepted, std::size_t& refused) {
  small_model m;
  optimizer opt{m.list(), two_point{.queries = 2}, sgd{.rate = 0.5}, options{.run = 0x123456789abcdef0}};
  try {
    opt.replay(trajectory_from(bytes));
    ++accepted;
  } catch (const error&) {
    ++refused;
  }
  for (std::size_t i = 0; i < m.codes.size(); ++i) ASSERT_TRUE(int4::has_ordinal(m.codes.view().code(i)));
}

TEST(trajectory, every_flipped_bit_is_read_or_refused) {
  const auto good = to_bytes(recorded());
  std::size_t accepted = 0, refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = good;
      bytes[i] ^= std::byte{1} << bit;
      expect_an_answer(bytes, accepted, refused);
    }
  EXPECT_GT(refused, good.size());  // every bit of what comes before the steps
  EXPECT_GT(accepted, 300u);        // most bits of laws, rates and coefficients
}

TEST(trajectory, damaged_runs_of_bytes_are_read_or_refused) {
  const auto good = to_bytes(recorded());
  draws d(99);
  std::size_t accepted = 0, refused = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    auto bytes = good;
    const std::size_t first = d.below(bytes.size()), count = 1 + d.below(12);
    for (std::size_t i = first; i < std::min(bytes.size(), first + count); ++i)
      bytes[i] = d.below(3) == 0 ? std::byte{0xff} : static_cast<std::byte>(d.word());
    expect_an_answer(bytes, accepted, refused);
  }
  EXPECT_EQ(accepted + refused, 3000u);
}

TEST(trajectory, says_what_is_wrong) {
  const auto said = [](auto change) {
    trajectory t = recorded();
    change(t);
    const auto bytes = to_bytes(t);
    return message_of([&] { trajectory_from(bytes, "run.zolt"); });
  };
  EXPECT_TRUE(contains(said([](trajectory& t) { ++t.stream; }), "run.zolt: stream version"));
  EXPECT_TRUE(contains(said([](trajectory& t) { t.steps[1].step = 5; }), "run.zolt: step = 5 must be 1"));
  EXPECT_TRUE(contains(said([](trajectory& t) { t.steps[1].rate = -1; }), "run.zolt: rate = -1 must"));
  EXPECT_TRUE(contains(said([](trajectory& t) { t.steps[1].rate = std::numeric_limits<float>::infinity(); }), "run.zolt: rate = inf must"));
  EXPECT_TRUE(contains(said([](trajectory& t) { t.steps[1].terms = 7; }), "run.zolt: terms = 6 must be 11"));
  EXPECT_TRUE(contains(said([](trajectory& t) { t.terms[1].coefficient = std::numeric_limits<float>::quiet_NaN(); }),
                       "run.zolt: coefficient = nan must be finite"));
  EXPECT_TRUE(
      contains(said([](trajectory& t) { t.statistics[0].weight = std::numeric_limits<double>::infinity(); }), "run.zolt: statistics"));
  auto bytes = to_bytes(recorded());
  bytes[0] = std::byte{'Z'};
  EXPECT_TRUE(contains(message_of([&] { trajectory_from(bytes); }), "magic"));
}

}  // namespace
}  // namespace zolt::test
