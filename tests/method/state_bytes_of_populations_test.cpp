#include "method/state_bytes.hpp"

#include "zolt/method/eggroll.hpp"
#include "zolt/method/grzo.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/qes.hpp"
#include "zolt/method/quzo.hpp"
#include "zolt/method/qzo.hpp"
#include "zolt/method/zo_conservative.hpp"
#include "zolt/method/zoqo.hpp"

namespace zolt::test {
namespace {

TEST(state_bytes, of_methods_on_floats_and_scales) {
  expect_bytes_on_floats<method::qzo>();
  expect_bytes_on_floats<method::normalised_qzo>();
  expect_bytes_on_floats<method::eggroll<2>>();
  expect_bytes_on_floats<method::grzo>();
  expect_bytes_on_floats<method::lozo<2>>();
  expect_bytes_on_floats<method::quzo>();
  expect_bytes_on_floats<method::zo_conservative>();
}

TEST(state_bytes, of_methods_on_the_grid) {
  expect_bytes_on_codes<method::qes>();
  expect_bytes_on_codes<method::qes_residual<5>>();
  expect_bytes_on_codes<method::qes_residual<16>>();
  expect_bytes_on_codes<method::integer_eggroll<2>>();
  expect_bytes_on_codes<method::per_example_residual<4>>();
  expect_bytes_on_codes<method::per_example_step_matched>();
  expect_bytes_on_codes<method::quzo_codes>();
  expect_bytes_on_codes<method::zoqo<1>>();
}

}  // namespace
}  // namespace zolt::test
