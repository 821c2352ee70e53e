#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include "zolt/core/error.hpp"
#include "zolt/method/adamezo.hpp"
#include "zolt/method/adazeta.hpp"
#include "zolt/method/bszo.hpp"
#include "zolt/method/caq_zo.hpp"
#include "zolt/method/conmezo.hpp"
#include "zolt/method/dizo.hpp"
#include "zolt/method/eggroll.hpp"
#include "zolt/method/elastic_zo.hpp"
#include "zolt/method/entry.hpp"
#include "zolt/method/fixed_point_zo.hpp"
#include "zolt/method/fzoo.hpp"
#include "zolt/method/grzo.hpp"
#include "zolt/method/hizoo.hpp"
#include "zolt/method/kerzoo.hpp"
#include "zolt/method/layer_freezing.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/meazo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/mezo_adam_8bit.hpp"
#include "zolt/method/narrow_mezo.hpp"
#include "zolt/method/pezo.hpp"
#include "zolt/method/qes.hpp"
#include "zolt/method/quzo.hpp"
#include "zolt/method/qzo.hpp"
#include "zolt/method/r_adazo.hpp"
#include "zolt/method/romberg_zoge.hpp"
#include "zolt/method/senszoq.hpp"
#include "zolt/method/sparse_mezo.hpp"
#include "zolt/method/step_matched.hpp"
#include "zolt/method/subzero.hpp"
#include "zolt/method/tezo.hpp"
#include "zolt/method/zeroqat.hpp"
#include "zolt/method/zo_adamm.hpp"
#include "zolt/method/zo_conservative.hpp"
#include "zolt/method/zo_sign_sgd.hpp"
#include "zolt/method/zoqo.hpp"

namespace zolt::inline v0::method {

/// The library's methods, for programs that let their users choose.
///
/// Cost     none until a method is made: an optimizer is compiled for every entry that one is made of.
/// Source   as each method says at length.
inline constexpr std::tuple registry{
    entry<step_matched, trained::floats_and_codes>{"step_matched", "±1 on a fraction that follows the step; the default", "ours"},
    entry<step_matched_residual<4>, trained::floats_and_codes>{"step_matched_residual<4>", "the same, what is not written is kept", "ours"},
    entry<layer_freezing, trained::floats_and_codes>{"layer_freezing", "step_matched on layers that freeze front to back",
                                                     "arXiv 2508.15033"},
    entry<layer_freezing_floats, trained::floats>{"layer_freezing_floats", "mezo on layers that freeze front to back", "arXiv 2508.15033"},
    entry<mezo, trained::floats>{"mezo", "Gaussian, SGD", "arXiv 2305.17333"},
    entry<narrow_mezo, trained::words>{"narrow_mezo", "the same on fp16 and bf16, rounded stochastically", "arXiv 2305.17333"},
    entry<fixed_point_zo, trained::words>{"fixed_point_zo", "signs of scalars on 16-bit fixed point", "arXiv 2411.04036"},
    entry<mezo_momentum, trained::floats>{"mezo_momentum", "Gaussian, heavy ball", "arXiv 2305.17333"},
    entry<mezo_adam, trained::floats>{"mezo_adam", "Gaussian, Adam; also `zo_adam`", "arXiv 2305.17333, 2402.11592"},
    entry<mezo_adam_8bit, trained::floats>{"mezo_adam_8bit", "the same, moments in a byte each", "arXiv 2305.17333, 2110.02861"},
    entry<adamezo, trained::floats>{"adamezo", "Adam whose moments are made again from the last steps", "arXiv 2605.00650"},
    entry<zo_sign_sgd, trained::floats>{"zo_sign_sgd", "sign of every component", "Liu et al. 2019"},
    entry<zo_scalar_sign_sgd, trained::floats>{"zo_scalar_sign_sgd", "sign of the scalar", "arXiv 2402.11592"},
    entry<zo_adamm, trained::floats>{"zo_adamm", "one-sided, AMSGrad", "arXiv 1910.06513", {1, 1}},
    entry<r_adazo, trained::floats>{"r_adazo", "Adam with the second moment of the first", "arXiv 2502.01014"},
    entry<meazo, trained::floats>{"meazo", "one second moment for the whole model", "MEAZO 2026"},
    entry<conmezo, trained::floats>{"conmezo", "directions in a cone around past estimates", "arXiv 2511.02757"},
    entry<hizoo, trained::floats>{"hizoo", "directions and steps shortened by a running diagonal Hessian", "arXiv 2402.15173", {2, 1}},
    entry<bszo, trained::floats>{"bszo", "posterior means of forward differences, a Kalman filter", "arXiv 2601.01452", {1, 1}},
    entry<zo_conservative, trained::floats>{"zo_conservative", "the best of forward, backward and staying", "arXiv 2402.11592", {0, 5}},
    entry<fzoo, trained::floats_and_codes>{
        "fzoo", "±1 from one baseline, steps over the deviation of the losses", "Dang et al. 2025", {1, 1}},
    entry<kerzoo, trained::floats>{"kerzoo", "random radii under a kernel that removes the bias", "arXiv 2505.18886"},
    entry<romberg_zoge, trained::floats>{"romberg_zoge", "a radius and its half, extrapolated to 0", "ICML 2026", {4, 0}},
    entry<adazeta, trained::floats>{"adazeta", "more directions in later epochs, Q at most", "arXiv 2406.18060"},
    entry<lozo<2>, trained::floats_and_codes>{"lozo<2>", "low-rank U Vᵀ, V held for many steps", "arXiv 2410.07698"},
    entry<lozo_momentum<2>, trained::floats_and_codes>{"lozo_momentum<2>", "the same with momentum, made again from the last steps",
                                                       "arXiv 2410.07698"},
    entry<tezo<4>, trained::floats>{"tezo<4>", "signs of a run's own matrices of rank one", "arXiv 2501.19057"},
    entry<tezo_momentum<4>, trained::floats>{"tezo_momentum<4>", "the same with momentum, made again from the last steps",
                                             "arXiv 2501.19057"},
    entry<subzero<4>, trained::floats_and_codes>{"subzero<4>", "U C Vᵀ, orthogonal U and V held for many steps", "arXiv 2410.08989"},
    entry<eggroll<1>, trained::floats_and_codes>{"eggroll<1>", "low rank, scores of a population", "arXiv 2511.16652"},
    entry<integer_eggroll<1>, trained::floats_and_codes>{"integer_eggroll<1>", "low rank, votes of a population", "arXiv 2511.16652"},
    entry<grzo, trained::floats>{"grzo", "one direction per example of the batch", "arXiv 2606.02857", {0, 2}},
    entry<per_example_step_matched, trained::codes>{"per_example_step_matched", "the same under the step-matched recipe", "ours", {0, 2}},
    entry<per_example_residual<4>, trained::codes>{"per_example_residual<4>", "the same, what is not written is kept", "ours", {0, 2}},
    entry<sparse_mezo, trained::floats>{"sparse_mezo", "small weights only", "arXiv 2402.15751"},
    entry<sparse_mezo_codes, trained::codes>{"sparse_mezo_codes", "small weights only, ±1", "arXiv 2402.15751"},
    entry<pezo, trained::floats>{"pezo", "a pool of random numbers, used again and again", "arXiv 2504.20314"},
    entry<dizo, trained::floats_and_codes>{"dizo", "divergence from the start, rescaled per tensor by 2J passes every κ steps",
                                           "arXiv 2502.03304"},
    entry<elastic_zo, trained::floats>{"elastic_zo", "the last layer by its exact gradient", "arXiv 2501.04287", {2, 1}},
    entry<elastic_zo_int8, trained::codes>{"elastic_zo_int8", "the same on codes, from integer losses", "arXiv 2501.04287", {2, 1}},
    entry<senszoq, trained::floats>{"senszoq", "floats at the most sensitive weights of frozen codes", "arXiv 2406.02913"},
    entry<zeroqat, trained::floats>{"zeroqat", "weights, clips and transforms, seen through a quantizer", "arXiv 2509.00031"},
    entry<quzo, trained::floats>{"quzo", "Gaussian rounded to few bits, once or twice", "arXiv 2502.12346"},
    entry<quzo_codes, trained::codes>{"quzo_codes", "the same in whole codes", "arXiv 2502.12346"},
    entry<qzo, trained::scales>{"qzo", "scales of frozen codes, clipped derivative", "arXiv 2505.13430"},
    entry<normalised_qzo, trained::scales>{"normalised_qzo", "scales of frozen codes, normalised derivative", "ours"},
    entry<caq_zo, trained::codes>{"caq_zo", "one code up or down on every weight", "arXiv 2605.10673"},
    entry<qes, trained::codes>{"qes", "rounded noise, error feedback replayed", "arXiv 2602.03120"},
    entry<qes_residual<16>, trained::codes>{"qes_residual<16>", "rounded noise, error feedback kept", "arXiv 2602.03120"},
    entry<zoqo<1>, trained::codes>{"zoqo<1>", "whole codes, sign, at least one code", "ICASSP 2025"}};

/// f(entry) for every method.
template <class F>
void for_each_method(F&& f) {
  std::apply([&](const auto&... e) { (f(e), ...); }, registry);
}

/// f(entry) for the method of that name, whose type is `typename std::remove_cvref_t<decltype(entry)>::type`.
///
/// Errors   another name, with those that there are.
template <class F>
void with_method(std::string_view name, F&& f) {
  bool found = false;
  std::string names;
  for_each_method([&](const auto& e) {
    names += (names.empty() ? "" : ", ") + std::string(e.name);
    if (e.name == name) found = true, f(e);
  });
  if (!found) fail("method", "name", name, "be one of " + names);
}

}  // namespace zolt::inline v0::method
