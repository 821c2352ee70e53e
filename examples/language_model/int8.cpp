#include "training_run.hpp"

namespace language_model {

outcome train_int8(const recipe& r, const assignment& a) { return train<zolt::quantized_tensor<zolt::int8, zolt::per_channel>>(r, a); }

}  // namespace language_model
