package kyverno_test

import (
	"testing"

	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
)

func TestX(t *testing.T) { _ = compiler.NewCompiler() }
