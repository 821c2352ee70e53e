#include "training_run.hpp"

namespace language_model {

outcome train_int4(const recipe& r, const assignment& a) {
  return train<zolt::quantized_tensor<zolt::int4, zolt::per_group<32, zolt::last_group::shorter>>>(r, a);
}

}  // namespace language_model
