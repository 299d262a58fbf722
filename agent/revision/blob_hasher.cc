#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/revision/revision.h"

namespace gitops {
namespace {

constexpr size_t kSha256HexDigits = 64;

class EvpBlobHasher final : public BlobHasher {
 public:
  EvpBlobHasher(int64_t size, size_t oid_length) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    const EVP_MD* digest = oid_length == kSha256HexDigits ? EVP_sha256() : EVP_sha1();
    EVP_DigestInit_ex(context_.get(), digest, nullptr);
    std::string header = absl::StrCat("blob ", size);
    header.push_back('\0');
    Update(header);
  }

  void Update(absl::string_view data) override {
    EVP_DigestUpdate(context_.get(), data.data(), data.size());
  }

  std::string Finish() override {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &length);
    return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), length));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::unique_ptr<BlobHasher> BlobHasher::New(int64_t size, size_t oid_length) {
  return std::make_unique<EvpBlobHasher>(size, oid_length);
}

}  // namespace gitops
