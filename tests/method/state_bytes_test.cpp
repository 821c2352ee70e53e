#include "method/state_bytes.hpp"

#include "zolt/method/adamezo.hpp"
#include "zolt/method/adazeta.hpp"
#include "zolt/method/bszo.hpp"
#include "zolt/method/caq_zo.hpp"
#include "zolt/method/fzoo.hpp"
#include "zolt/method/kerzoo.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/meazo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/mezo_adam_8bit.hpp"
#include "zolt/method/r_adazo.hpp"
#include "zolt/method/romberg_zoge.hpp"
#include "zolt/method/step_matched.hpp"
#include "zolt/method/subzero.hpp"
#include "zolt/method/tezo.hpp"
#include "zolt/method/zo_adamm.hpp"
#include "zolt/method/zo_sign_sgd.hpp"

namespace zolt::test {
namespace {

TEST(state_bytes, of_methods_on_floats) {
  expect_bytes_on_floats<method::mezo>();
  expect_bytes_on_floats<method::mezo_momentum>();
  expect_bytes_on_floats<method::mezo_adam>();
  expect_bytes_on_floats<method::zo_sign_sgd>();
  expect_bytes_on_floats<method::zo_scalar_sign_sgd>();
  expect_bytes_on_floats<method::zo_adam>();
  expect_bytes_on_floats<method::zo_adamm>();
  expect_bytes_on_floats<method::fzoo>();
  expect_bytes_on_floats<method::kerzoo>();
  expect_bytes_on_floats<method::meazo>();
  expect_bytes_on_floats<method::r_adazo>();
  expect_bytes_on_floats<method::adazeta>();
  expect_bytes_on_floats<method::romberg_zoge>();
  expect_bytes_on_floats<method::adamezo>();
  expect_bytes_on_floats<method::mezo_adam_8bit>();
  expect_bytes_on_floats<method::bszo>();
  expect_bytes_on_floats<method::tezo<4>>();
}

TEST(state_bytes, of_methods_on_codes) {
  expect_bytes_on_codes<method::step_matched>();
  expect_bytes_on_codes<method::step_matched_residual<1>>();
  expect_bytes_on_codes<method::step_matched_residual<3>>();
  expect_bytes_on_codes<method::step_matched_residual<8>>();
  expect_bytes_on_codes<method::step_matched_residual<16>>();
  expect_bytes_on_codes<method::caq_zo>();
  expect_bytes_on_codes(method::subzero<4>{.radius = 1});
  expect_bytes_on_codes(method::lozo_momentum<2>{.radius = 1});
}

}  // namespace
}  // namespace zolt::test
