package carriers

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/settings"
)

// tokens keeps 蜂鸟's tokens in the vault that all instances share.
type tokens struct{ vault settings.Vault }

func tokenName(key string) string { return fengniao.Name + ":" + key }

// Load gives the token kept under key, the zero Token when there is none.
func (t tokens) Load(ctx context.Context, key string) (fengniao.Token, error) {
	var token fengniao.Token
	_, err := t.vault.Load(ctx, tokenName(key), &token)
	return token, err
}

// Claim gives one caller among all instances the right to get the next token.
func (t tokens) Claim(ctx context.Context, key string, lease time.Duration) (bool, error) {
	return t.vault.Claim(ctx, tokenName(key), lease)
}

// Save keeps a token and ends the claim.
func (t tokens) Save(ctx context.Context, key string, token fengniao.Token) error {
	return t.vault.Save(ctx, tokenName(key), token, token.IssuedAt)
}
