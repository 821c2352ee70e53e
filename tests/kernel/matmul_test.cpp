#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/kernel/matmul.hpp"

namespace zolt {
namespace {

struct problem_size {
  std::size_t rows, batch, columns;
};
std::vector<problem_size> random_sizes(std::uint64_t seed) {
  test::draws random(seed);
  std::vector<problem_size> sizes = {{1, 1, 1}, {4, 2, 16}, {5, 3, 0}, {0, 3, 8}, {3, 0, 8}, {8, 8, 64}, {16, 12, 160}};
  for (int i = 0; i < 100; ++i) sizes.push_back({random.between(1, 37), random.between(1, 13), random.between(1, 300)});
  return sizes;
}

// A sum of k products in any order is off by at most k·2⁻²⁴/(1 − k·2⁻²⁴) times the sum of their magnitudes.
TEST(multiply, is_the_product_to_the_bound_of_its_summation) {
  for (const auto [rows, batch, columns] : random_sizes(1)) {
    const auto w = test::normal_weights(rows * columns, 2), x = test::normal_weights(batch * columns, 3);
    std::vector<float> y(rows * batch);
    kernel::multiply(w.data(), rows, x.data(), batch, columns, y.data(), rows);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t r = 0; r < rows; ++r) {
        double exact = 0, magnitude = 0;
        for (std::size_t k = 0; k < columns; ++k) {
          const double product = double{w[r * columns + k]} * x[b * columns + k];
          exact += product;
          magnitude += std::fabs(product);
        }
        ASSERT_NEAR(y[b * rows + r], exact, 1.001 * static_cast<double>(columns) * 0x1p-24 * magnitude)
            << rows << " " << batch << " " << columns;
      }
  }
}

TEST(multiply, writes_its_block_of_a_wider_result_alone) {
  constexpr float untouched = -12345;
  for (const auto [rows, batch, columns] : random_sizes(4)) {
    const auto w = test::normal_weights(rows * columns, 5), x = test::normal_weights(batch * columns, 6);
    const std::size_t stride = rows + 3;
    std::vector<float> y(stride * batch, untouched), narrow(rows * batch);
    kernel::multiply(w.data(), rows, x.data(), batch, columns, y.data(), stride);
    kernel::multiply(w.data(), rows, x.data(), batch, columns, narrow.data(), rows);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t r = 0; r < stride; ++r) ASSERT_EQ(y[b * stride + r], r < rows ? narrow[b * rows + r] : untouched) << r << ", " << b;
  }
}

TEST(multiply, gives_the_same_bits_however_the_caller_cuts_rows_and_batch) {
  for (const auto [rows, batch, columns] : random_sizes(7)) {
    const auto w = test::normal_weights(rows * columns, 8), x = test::normal_weights(batch * columns, 9);
    std::vector<float> whole(rows * batch), one_by_one(rows * batch);
    kernel::multiply(w.data(), rows, x.data(), batch, columns, whole.data(), rows);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t r = 0; r < rows; ++r)
        kernel::multiply(w.data() + r * columns, 1, x.data() + b * columns, 1, columns, one_by_one.data() + b * rows + r, rows);
    ASSERT_EQ(whole, one_by_one) << rows << " " << batch << " " << columns;
  }
}

}  // namespace
}  // namespace zolt
