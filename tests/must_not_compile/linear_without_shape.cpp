// expect: zolt: a linear layer reads weights that have a shape() (see zolt::weight_matrix)
#include "zolt/linear/linear.hpp"

std::vector<float> no_shape(8);
zolt::tensor<float> w({2, 4});

#if defined(ZOLT_SHOULD_COMPILE)
void forward(zolt::tensor_view<const float> x, zolt::tensor_view<float> y) { zolt::linear(w, x, y); }
#else
void forward(zolt::tensor_view<const float> x, zolt::tensor_view<float> y) { zolt::linear(no_shape, x, y); }
#endif
