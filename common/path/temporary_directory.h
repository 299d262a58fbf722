#ifndef GITOPS_COMMON_PATH_TEMPORARY_DIRECTORY_H_
#define GITOPS_COMMON_PATH_TEMPORARY_DIRECTORY_H_

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace gitops {

// A temporary directory for tests, removed when this is destroyed.
class TemporaryDirectory {
 public:
  enum class For { kThisAccount, kEveryAccount };

  // For every account: in /tmp, since the parents of Bazel's directory may be closed to others.
  explicit TemporaryDirectory(For accounts = For::kThisAccount) {
    const char* const base = std::getenv("TEST_TMPDIR");
    const bool others = accounts == For::kEveryAccount;
    path_ = std::string(others || base == nullptr ? "/tmp" : base) + "/gitops.XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    if (others && chmod(path_.c_str(), 0755) != 0) std::abort();
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // Creates missing directories.
  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    std::ofstream(*this / name) << text;
  }
  std::string Read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(*this / name).rdbuf();
    return text.str();
  }
  bool Has(const std::string& name) const {
    return std::filesystem::symlink_status(*this / name).type() !=
           std::filesystem::file_type::not_found;
  }

 private:
  std::string path_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_TEMPORARY_DIRECTORY_H_
