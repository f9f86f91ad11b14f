#include "oci/digest.h"

#include <algorithm>
#include <cstring>

#include <openssl/evp.h>

#include "base/handle.h"
#include "oci/grammar.h"

namespace ocisync {
namespace {

// The only place that says what an algorithm is.
struct AlgorithmFacts {
  DigestAlgorithm algorithm;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<AlgorithmFacts, 2> kAlgorithms = {{
    {DigestAlgorithm::sha256, "sha256", 32},
    {DigestAlgorithm::sha512, "sha512", 64},
}};

const AlgorithmFacts& facts_of(DigestAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

const AlgorithmFacts* find_algorithm(std::string_view name) {
  const auto found = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                  [&](const AlgorithmFacts& facts) { return facts.name == name; });
  return found == kAlgorithms.end() ? nullptr : found;
}

// algorithm ::= part *( [+._-] part ), part ::= [a-z0-9]+ : one that we might meet one day.
bool names_an_algorithm(std::string_view name) {
  bool after_separator = true;
  for (const char c : name) {
    const bool separator = one_of(c, "+._-");
    if (separator ? after_separator : !is_lower(c) && !is_digit(c))
      return false;
    after_separator = separator;
  }
  return !after_separator;
}

constexpr unsigned kNoDigit = 0x100;

// By byte, as a pass over many charts reads tens of thousands of digests.
constexpr std::array<unsigned, 256> kHexValues = [] {
  std::array<unsigned, 256> values{};
  values.fill(kNoDigit);
  for (unsigned i = 0; i < 16; ++i)
    values[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
  return values;
}();

unsigned hex_value(char c) { return kHexValues[static_cast<unsigned char>(c)]; }

[[noreturn]] void refuse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon == std::string_view::npos)
    throw Error(
        Reason::reference_invalid,
        fmt::format("digest {} is not of the form sha256:<64 hex digits>", in_quotes(text)));
  if (const AlgorithmFacts* known = find_algorithm(name))
    throw Error(Reason::reference_invalid,
                fmt::format("digest {} is malformed: {} takes exactly {} digits 0-9 a-f",
                            in_quotes(text), known->name, known->bytes * 2));
  if (names_an_algorithm(name))
    throw Error(Reason::unsupported,
                fmt::format("digest algorithm {} is not supported (sha256 and sha512 are)",
                            in_quotes(name)));
  throw Error(
      Reason::reference_invalid,
      fmt::format("digest {} does not start with an algorithm such as sha256:", in_quotes(text)));
}

// OpenSSL answers 1 or an object when all is well. Nothing outside can make hashing fail, so
// anything else is a broken installation.
void check(bool ok, const char* call) {
  if (!ok)
    throw Error(Reason::internal, fmt::format("OpenSSL: {} failed", call));
}

using Method = Owner<EVP_MD, &EVP_MD_free>;
using Context = Owner<EVP_MD_CTX, &EVP_MD_CTX_free>;

Method fetch_method(const char* name) {
  Method method(EVP_MD_fetch(nullptr, name, nullptr));
  check(method != nullptr, "EVP_MD_fetch");
  return method;
}

// Fetched once: looking a method up in the providers costs more than hashing a small manifest.
const EVP_MD* method_of(DigestAlgorithm algorithm) {
  static const std::array<Method, kAlgorithms.size()> methods = {fetch_method("SHA256"),
                                                                 fetch_method("SHA512")};
  return methods[static_cast<std::size_t>(algorithm)].get();
}

}  // namespace

Digest Digest::parse(std::string_view text) {
  const std::optional<Digest> digest = try_parse(text);
  if (!digest)
    refuse(text);
  return *digest;
}

std::optional<Digest> Digest::try_parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const AlgorithmFacts* facts = find_algorithm(text.substr(0, colon));
  if (colon == std::string_view::npos || facts == nullptr)
    return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  if (digits.size() != facts->bytes * 2)
    return std::nullopt;
  Digest digest;
  digest.algorithm_ = facts->algorithm;
  for (std::size_t i = 0; i < facts->bytes; ++i) {
    const unsigned byte = hex_value(digits[2 * i]) << 4U | hex_value(digits[2 * i + 1]);
    if (byte > 0xff)
      return std::nullopt;
    digest.bytes_[i] = static_cast<std::uint8_t>(byte);
  }
  return digest;
}

Digest Digest::of(std::string_view bytes) {
  Hasher hasher;
  hasher.update(as_bytes(bytes));
  return hasher.finish();
}

std::string_view Digest::algorithm_name() const noexcept { return facts_of(algorithm_).name; }

std::string Digest::hex() const {
  return to_hex(std::span(bytes_).first(facts_of(algorithm_).bytes));
}

std::string Digest::str() const { return fmt::format("{}:{}", algorithm_name(), hex()); }

std::string Digest::short_hex() const { return hex().substr(0, 7); }

std::size_t Digest::Hash::operator()(const Digest& digest) const noexcept {
  // A digest is as random as a hash will ever be: its first bytes do.
  std::size_t value = 0;
  std::memcpy(&value, digest.bytes_.data(), sizeof value);
  return value;
}

struct Hasher::State {
  Context context;
};

Hasher::Hasher(DigestAlgorithm algorithm)
    : state_(std::make_unique<State>(State{Context(EVP_MD_CTX_new())})), algorithm_(algorithm) {
  check(state_->context != nullptr, "EVP_MD_CTX_new");
  check(EVP_DigestInit_ex2(state_->context.get(), method_of(algorithm), nullptr) == 1,
        "EVP_DigestInit_ex2");
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(Bytes bytes) {
  check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1,
        "EVP_DigestUpdate");
}

Digest Hasher::finish() {
  Digest digest;
  digest.algorithm_ = algorithm_;
  unsigned length = 0;
  EVP_MD_CTX* context = state_->context.get();
  check(EVP_DigestFinal_ex(context, digest.bytes_.data(), &length) == 1 &&
            length == facts_of(algorithm_).bytes,
        "EVP_DigestFinal_ex");
  check(EVP_DigestInit_ex2(context, method_of(algorithm_), nullptr) == 1, "EVP_DigestInit_ex2");
  return digest;
}

}  // namespace ocisync
