#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/weights.hpp"
#include "zolt/kernel/outer.hpp"

namespace zolt::test {
namespace {

struct problem_of_products {
  std::size_t terms, rows, columns, left_row_stride, right_stride, out_stride;
  bool transposed;
  std::vector<float> left, right;

  problem_of_products(draws& d, std::size_t t, std::size_t r, std::size_t c) : terms(t), rows(r), columns(c), transposed(d.below(2) == 0) {
    left_row_stride = (transposed ? terms : rows) + d.below(5);
    right_stride = columns + d.below(7);
    out_stride = columns + d.below(9);
    left.resize((transposed ? rows : terms) * left_row_stride);
    right.resize(terms * right_stride);
    for (float& v : left) v = d.normal();
    for (float& v : right) v = d.normal();
  }
  kernel::strided left_matrix() const {
    return transposed ? kernel::strided{left.data(), 1, left_row_stride} : kernel::strided{left.data(), left_row_stride, 1};
  }
  float at(std::size_t t, std::size_t i) const { return left[transposed ? i * left_row_stride + t : t * left_row_stride + i]; }
};

constexpr float untouched = -12345;

std::vector<float> product(const problem_of_products& p) {
  std::vector<float> out(p.rows * p.out_stride, untouched);
  kernel::sum_outer_products(p.left_matrix(), p.right.data(), p.right_stride, p.terms, p.rows, p.columns, out.data(), p.out_stride);
  return out;
}

TEST(sum_outer_products, is_a_double_loop_over_any_shape_and_strides) {
  draws d(11);
  for (int trial = 0; trial < 150; ++trial) {
    const problem_of_products p(d, d.between(1, 19), d.between(1, 21), d.between(1, 70));
    const std::vector<float> out = product(p);
    for (std::size_t i = 0; i < p.rows; ++i) {
      for (std::size_t k = 0; k < p.columns; ++k) {
        double sum = 0, size = 0;
        for (std::size_t t = 0; t < p.terms; ++t) {
          const double term = double{p.at(t, i)} * p.right[t * p.right_stride + k];
          sum += term, size += std::fabs(term);
        }
        ASSERT_NEAR(out[i * p.out_stride + k], sum, 1e-6 * size) << p.terms << " terms, " << p.rows << "x" << p.columns;
      }
      for (std::size_t k = p.columns; k < p.out_stride; ++k) ASSERT_EQ(out[i * p.out_stride + k], untouched) << "written beyond a row";
    }
  }
}

TEST(sum_outer_products, whole_numbers_are_exact) {
  draws d(12);
  for (int trial = 0; trial < 40; ++trial) {
    problem_of_products p(d, d.between(1, 40), d.between(1, 20), d.between(1, 40));
    for (float& v : p.left) v = static_cast<float>(static_cast<int>(d.below(21)) - 10);
    for (float& v : p.right) v = static_cast<float>(static_cast<int>(d.below(21)) - 10);
    const std::vector<float> out = product(p);
    for (std::size_t i = 0; i < p.rows; ++i)
      for (std::size_t k = 0; k < p.columns; ++k) {
        float sum = 0;
        for (std::size_t t = 0; t < p.terms; ++t) sum += p.at(t, i) * p.right[t * p.right_stride + k];
        ASSERT_EQ(out[i * p.out_stride + k], sum);
      }
  }
}

TEST(sum_outer_products, has_the_same_bits_however_it_is_cut) {
  draws d(13);
  for (int trial = 0; trial < 60; ++trial) {
    const problem_of_products p(d, d.between(1, 30), d.between(2, 40), d.between(2, 90));
    const std::vector<float> whole = product(p);
    std::vector<float> parts(whole.size(), untouched);
    const kernel::strided left = p.left_matrix();
    for (std::size_t row = 0; row < p.rows;) {
      const std::size_t rows = d.between(1, p.rows - row);
      for (std::size_t column = 0; column < p.columns;) {
        const std::size_t columns = d.between(1, p.columns - column);
        kernel::sum_outer_products({left.data + row * left.i_step, left.t_step, left.i_step}, p.right.data() + column, p.right_stride,
                                   p.terms, rows, columns, parts.data() + row * p.out_stride + column, p.out_stride);
        column += columns;
      }
      row += rows;
    }
    ASSERT_EQ(whole, parts) << p.terms << " terms, " << p.rows << "x" << p.columns;
  }
}

TEST(sum_outer_products, a_bias_is_a_column_of_ones_that_nobody_stores) {
  draws d(14);
  const problem_of_products p(d, 25, 19, 1);
  const float one = 1;
  std::vector<float> out(19), ones(25, 1.0f), stored(19);
  kernel::sum_outer_products(p.left_matrix(), &one, 0, 25, 19, 1, out.data(), 1);
  kernel::sum_outer_products(p.left_matrix(), ones.data(), 1, 25, 19, 1, stored.data(), 1);
  EXPECT_EQ(out, stored);
}

TEST(sum_outer_products, no_terms_give_zero) {
  std::vector<float> out(3 * 40, untouched);
  kernel::sum_outer_products({out.data(), 1, 1}, out.data(), 40, 0, 3, 40, out.data(), 40);
  EXPECT_EQ(out, std::vector<float>(3 * 40, 0.0f));
}

}  // namespace
}  // namespace zolt::test
