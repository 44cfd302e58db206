// Checker reads a dang module as the engine would: it parses and type-checks it against the
// engine's schema, and then runs a script of assertions beside it.
//
// Usage: checker SCHEMA MODULE SCRIPT TRIGGERS. No engine is asked: the one thing that the module
// asks an engine for, what a file holds, is answered from the folder TRIGGERS.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/Khan/genqlient/graphql"
	"github.com/vito/dang/pkg/dang"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: checker SCHEMA MODULE SCRIPT TRIGGERS")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(sdl, module, script, triggers string) error {
	schema, err := dang.SchemaFromSDLFile(sdl)
	if err != nil {
		return fmt.Errorf("reading the schema `%s`: %w", sdl, err)
	}
	ctx := dang.ContextWithImportConfigs(context.Background(), dang.ImportConfig{
		Name:       "Dagger",
		Client:     files{triggers},
		Schema:     schema,
		AutoImport: true,
	})
	// The engine learns the module's types from its declarations alone.
	if _, err := dang.DeclareDir(ctx, module, false); err != nil {
		return fmt.Errorf("declaring `%s`: %w", module, err)
	}
	folder, err := os.MkdirTemp("", "module")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	sources, err := filepath.Glob(filepath.Join(module, "*.dang"))
	if err != nil {
		return err
	}
	for _, source := range append(sources, script) {
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(source)), text, 0o600); err != nil {
			return err
		}
	}
	scope, err := dang.RunDir(ctx, folder, false)
	if err != nil {
		return fmt.Errorf("running `%s` beside `%s`: %w", script, module, err)
	}
	for _, binding := range scope.Bindings(dang.PrivateVisibility) {
		if object, ok := binding.Value.(*dang.Object); ok {
			if err := checkState(object); err != nil {
				return fmt.Errorf("`%s`: %w", binding.Key, err)
			}
		}
	}
	return nil
}

// The engine keeps all of an object between calls and takes back only what its type declares: a
// constructor's local variable is kept, and then refused.
func checkState(object *dang.Object) error {
	for _, field := range object.Bindings(dang.PrivateVisibility) {
		if _, ok := object.Mod.SchemeOf(field.Key); !ok {
			return fmt.Errorf("its state has `%s`, which its type does not declare", field.Key)
		}
	}
	return nil
}

// Answers what the files of a folder hold.
type files struct{ folder string }

var named = regexp.MustCompile(`file\([^)]*name:\s*"([^"/]+)"`)

func (f files) MakeRequest(_ context.Context, req *graphql.Request, resp *graphql.Response) error {
	name := named.FindStringSubmatch(req.Query)
	if name == nil {
		return fmt.Errorf("nothing but files can be asked for here: %s", req.Query)
	}
	text, err := os.ReadFile(filepath.Join(f.folder, name[1]))
	if err != nil {
		return err
	}
	answer, err := json.Marshal(map[string]any{"file": map[string]any{"contents": string(text)}})
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, resp.Data)
}
