#pragma once

#include <concepts>
#include <cstddef>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "zolt/parameter/parameter.hpp"

namespace zolt::inline v0 {

namespace detail {
struct any_parameter_visitor {
  template <class Storage>
  void operator()(const parameter<Storage>&) const {}
};
}  // namespace detail

/// The tensors of a model, by index. One dispatch per tensor, never per element.
///
/// What the compiler cannot check: visit(i, f) calls f once, with the same parameter for the same i for as long as the set is in use.
template <class P>
concept parameter_set = requires(const P& p, std::size_t i) {
  { p.size() } -> std::same_as<std::size_t>;
  p.visit(i, detail::any_parameter_visitor{});
};

/// A model whose tensors are known when the program is compiled. Made by `parameters(...)`.
template <class... Storages>
class static_parameters {
 public:
  explicit static_parameters(parameter<Storages>... all) : all_(std::move(all)...) {}

  std::size_t size() const { return sizeof...(Storages); }
  template <class Function>
  void visit(std::size_t index, Function&& f) const {
    visit_one(index, f, std::index_sequence_for<Storages...>{});
  }

 private:
  template <class Function, std::size_t... I>
  void visit_one(std::size_t index, Function& f, std::index_sequence<I...>) const {
    static_cast<void>(((I == index ? (static_cast<void>(f(std::get<I>(all_))), true) : false) || ...));
  }
  std::tuple<parameter<Storages>...> all_;
};

template <class... Storages>
auto parameters(parameter<Storages>... all) {
  return static_parameters<Storages...>(std::move(all)...);
}

/// A model whose tensors are known when the program runs. `Storages` are the kinds that may occur; recommended from about ten tensors on,
/// because the optimizer is compiled once per kind instead of once per tensor.
template <parameter_storage... Storages>
class parameter_list {
 public:
  template <class Weights>
  void add(std::string name, Weights&& weights, parameter_options options = {}) {
    constexpr bool known = (std::same_as<storage_t<Weights>, Storages> || ...);
    static_assert(known, "zolt: this parameter_list was not declared with the storage of these weights");
    if constexpr (known) all_.emplace_back(parameter<storage_t<Weights>>(std::move(name), weights, options));
  }

  std::size_t size() const { return all_.size(); }
  template <class Function>
  void visit(std::size_t index, Function&& f) const {
    std::visit([&f](const auto& p) { static_cast<void>(f(p)); }, all_[index]);
  }

 private:
  std::vector<std::variant<parameter<Storages>...>> all_;
};

/// f(index, parameter) for every parameter, in order.
template <parameter_set Parameters, class Function>
void for_each_parameter(const Parameters& parameters, Function&& f) {
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters.visit(i, [&f, i](const auto& p) { f(i, p); });
}

template <parameter_set Parameters>
std::size_t weight_count(const Parameters& parameters) {
  std::size_t count = 0;
  for_each_parameter(parameters, [&count](std::size_t, const auto& p) { count += p.size(); });
  return count;
}

}  // namespace zolt::inline v0
