#pragma once

/// What training needs. Adapters, post-training methods (quantize/method/) and foreign layouts (quantize/layout/) are included one by one; a
/// program that wants to compile less includes the headers of the rooms it uses instead.

#include "zolt/core/tensor.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/estimator/coefficient.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/estimator/schedule.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/half.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/quantize/additive_codebook.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/continuous.hpp"
#include "zolt/quantize/report.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/sgd.hpp"
#include "zolt/update/write_back.hpp"
