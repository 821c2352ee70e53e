// The network and the forward pass of quickstart.cpp, trained by an estimator that reads the layers.
#include <Eigen/Dense>
#include <cstdio>

#include "zolt/adapter/eigen.hpp"
#include "zolt/zolt.hpp"

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main() {
  // Two classes: inside or outside of a ring.
  const matrix x = matrix::Random(512, 2);
  const Eigen::ArrayXf y = (x.rowwise().squaredNorm().array() > 0.5f).cast<float>() * 2 - 1;

  // A 2-32-1 network. Codes stay within the range that they start with, so the output gets one that a good network fits into.
  // The weights are INT8 codes and nothing else; the biases are the floats of an Eigen vector.
  auto hidden = zolt::quantize<zolt::int8>("hidden", zolt::view(matrix(matrix::Random(32, 2) * 2)));
  auto output = zolt::quantize<zolt::int8>("output", zolt::view(matrix(matrix::Random(1, 32))));
  Eigen::VectorXf bias = Eigen::VectorXf::Zero(32);

  // The forward pass: an ordinary function of the weights as a probe sees them.
  const auto logits = [&](const zolt::probe_view& probe) {
    matrix h(x.rows(), 32), out(x.rows(), 1);
    zolt::linear(probe, hidden, zolt::view(x), zolt::view(h));
    zolt::add_bias(probe, zolt::view(bias), zolt::view(h));
    h = h.cwiseMax(0);
    zolt::linear(probe, output, zolt::view(h), zolt::view(out));
    return Eigen::ArrayXf(out.col(0));
  };
  const zolt::logistic_loss loss{{y.data(), std::size_t(y.size())}};

  zolt::optimizer opt{zolt::parameters(zolt::parameter{"hidden", hidden}, zolt::parameter{"output", output},
                                       zolt::parameter{"bias", zolt::view(bias), {.unit = zolt::unit_of(hidden)}}),
                      zolt::learned_feedback<>{}, zolt::sgd{.rate = 2}, zolt::linear_decay{.steps = 300}};
  const auto right = [&] { return 100.0 * double((y * logits({}) > 0).cast<float>().mean()); };
  std::printf("%.1f %% right\n", right());
  zolt::report last;
  for (int step = 0; step < 300; ++step) last = opt.step(logits, loss);
  std::printf("loss %.3f, %.1f %% right\n", last.loss, right());
}
