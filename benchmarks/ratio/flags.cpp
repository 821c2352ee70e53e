// The same kernels by the same compiler: -O2 for any machine beside -O3 for this one.
#include <dlfcn.h>

#include <stdexcept>

#include "flag_kernels.hpp"
#include "rows.hpp"

namespace ratio {
namespace {

std::vector<flag_kernel> kernels_of(const std::string& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  const auto list = reinterpret_cast<decltype(&flag_kernels)>(dlsym(handle, "flag_kernels"));
  if (list == nullptr) throw std::runtime_error(dlerror());
  std::size_t count = 0;
  const flag_kernel* const first = list(count);
  return {first, first + count};
}

}  // namespace

void flag_rows(suite& s, const std::vector<build_pair>& builds) {
  for (const build_pair& b : builds) {
    const std::vector<flag_kernel> portable = kernels_of(b.portable), native = kernels_of(b.native);
    for (std::size_t i = 0; i < portable.size(); ++i)
      if (s.wants(portable[i].name))
        s.compare(portable[i].name, {"flags", 0, 1}, {0, portable[i].elements, portable[i].run},
                  {{b.compiler + " -O3 -march=native", measure::elements, {0, native[i].elements, native[i].run}}});
  }
}

}  // namespace ratio
