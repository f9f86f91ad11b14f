#include "input.h"
#include "oci/reference.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  const std::string_view text = as_input(data, size);
  if (const auto reference = unless_refused([&] { return Reference::parse(text); })) {
    require(Reference::parse(reference->str()) == *reference);
    require(reference->str().find_first_of(std::string_view(" %?#\\\r\n\0", 8)) ==
            std::string::npos);
    require(canonical_registry(reference->registry()) == reference->registry());
    require(valid_repository(reference->repository()));
  }
  if (const auto registry = canonical_registry(text))
    require(canonical_registry(*registry) == registry);
  return 0;
}
