#include "services/promotion_receiver/yaml/yaml_limits.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kMostDepth = 32;
constexpr int kMostAliases = 1000;
constexpr int kMostNodes = 100'000;

// Throws as the parser does, which alone can stop it.
class Guard final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    Count(mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Count(mark);
    if (++aliases_ > kMostAliases)
      Refuse(mark, absl::StrCat("more than ", kMostAliases, " aliases"));
    if (std::find(open_.begin(), open_.end(), anchor) != open_.end()) {
      Refuse(mark, "an alias of the value in which it stands");
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  [[noreturn]] static void Refuse(const YAML::Mark& mark, const std::string& what) {
    throw YAML::ParserException(mark, what);
  }
  void Count(const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) Refuse(mark, absl::StrCat("more than ", kMostNodes, " values"));
  }
  void Open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    Count(mark);
    open_.push_back(anchor);
    if (open_.size() > kMostDepth)
      Refuse(mark, absl::StrCat("it is nested deeper than ", kMostDepth));
  }

  std::vector<YAML::anchor_t> open_;  // 0: without an anchor
  int aliases_ = 0;
  int nodes_ = 0;
};

}  // namespace

absl::Status CheckYaml(absl::string_view text, const std::string& file) {
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": it has ", text.size(), " bytes; at most ", kMostBytes, " are read"));
  }
  if (!IsValidUtf8(text) || text.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": it is not UTF-8 text"));
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Guard guard;
    while (parser.HandleNextDocument(guard)) {
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ":", error.mark.column + 1, ": ", error.msg));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": it cannot be read: ", error.what()));
  }
  return absl::OkStatus();
}

}  // namespace gitops
