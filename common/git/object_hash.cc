#include "common/git/object_hash.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr size_t kLongId = 64;

}  // namespace

ObjectHash::ObjectHash(absl::string_view type, int64_t size, size_t id_length)
    : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), id_length == kLongId ? EVP_sha256() : EVP_sha1(), nullptr);
  std::string header = absl::StrCat(type, " ", size);
  header.push_back('\0');
  Update(header);
}

void ObjectHash::Update(absl::string_view content) {
  EVP_DigestUpdate(context_.get(), content.data(), content.size());
}

std::string ObjectHash::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace gitops
